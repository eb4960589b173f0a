"""Metrics embedded in logs are found, anything else in a log is passed over."""

import json

from embedded_aws.ministack.cloudwatch import Sample, embedded_samples

ENTRY = {
    "_aws": {
        "CloudWatchMetrics": [
            {
                "Namespace": "AuroraRestore",
                "Dimensions": [["service"], ["service", "step"]],
                "Metrics": [{"Name": "Failures", "Unit": "Count"}, {"Name": "Duration"}],
            }
        ]
    },
    "service": "restore",
    "step": "copy",
    "Failures": 1.0,
    "Duration": [0.5, 0.25],
}


def test_every_value_is_a_sample_for_every_set_of_dimensions() -> None:
    samples = list(embedded_samples(json.dumps(ENTRY)))
    assert len(samples) == 6
    assert samples[0] == Sample(
        namespace="AuroraRestore",
        metric="Failures",
        value=1.0,
        unit="Count",
        dimensions={"service": "restore"},
    )
    assert [each.value for each in samples if each.metric == "Duration"] == [0.5, 0.25] * 2
    assert samples[-1].dimensions == {"service": "restore", "step": "copy"}
    assert samples[-1].unit == "None"


def test_other_lines_are_passed_over() -> None:
    log = 'START\n{"message": "plain"}\n{"_aws": broken\n[INFO] {"_aws": {}}\nEND'
    assert list(embedded_samples(log)) == []
