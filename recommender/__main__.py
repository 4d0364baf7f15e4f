"""`python -m recommender`: this service as a process of its own."""

from recommender.app import build
from recommender.settings import RecommenderSettings
from shared.runtime.serve import main

main(RecommenderSettings, build)
