"""`python -m recommender`: this service as a process of its own."""

from recommender.app import NAME, PORT, build
from recommender.settings import RecommenderSettings
from shared.runtime.process import main

main(NAME, PORT, RecommenderSettings, build)
