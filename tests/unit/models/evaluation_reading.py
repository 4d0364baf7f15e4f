"""Reading a page back: as a tree, and as the words a person sees."""

from xml.etree import ElementTree as ET

from models.evaluation.page import report_page
from tests.unit.models.evaluation_samples import evaluation, manifest, verdict


def page(made=None, judged=None, said=None):
    return report_page(made or manifest(), judged or evaluation(), said or verdict())


def parsed(text):
    return ET.fromstring(text.removeprefix("<!doctype html>"))


def spoken(text):
    return " ".join(" ".join(parsed(text).find("body").itertext()).replace("\xa0", " ").split())
