"""Walks a state machine's definition as Step Functions would, with answers instead of Lambdas."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.unit.infra.choices import holds, value_at
from tests.unit.infra.synthesis import Document, Synthesis

State = dict[str, Any]


@dataclass
class Machine:
    """A definition in which each function is named by its step."""

    definition: Document

    @classmethod
    def of(cls, stack: Synthesis) -> "Machine":
        """The state machine of a stack."""
        (machine,) = stack.of_type("AWS::StepFunctions::StateMachine").values()
        steps = {logical_id: step for step, (logical_id, _) in stack.functions().items()}
        separator, parts = machine["DefinitionString"]["Fn::Join"]
        text = separator.join(
            part if isinstance(part, str) else part.get("Ref") or steps[part["Fn::GetAtt"][0]]
            for part in parts
        )
        return cls(json.loads(text))

    @property
    def states(self) -> dict[str, State]:
        states: dict[str, State] = self.definition["States"]
        return states

    def task_of(self, step: str) -> tuple[str, State]:
        """The name and the state of the only Task that calls a step."""
        (found,) = (
            (name, state) for name, state in self.states.items() if state.get("Resource") == step
        )
        return found

    def walk(self, given: Document, answer: Callable[[str], Document]) -> "Walk":
        """Run it on an input; ``answer`` is asked for each call's result."""
        walk = Walk(document=dict(given))
        name: str | None = self.definition["StartAt"]
        while name is not None:
            state = self.states[name]
            walk.states.append(name)
            match state["Type"]:
                case "Task" if state["ResultPath"] is None:
                    # What it returns is ignored.
                    walk.calls.append(name)
                    name = state["Next"]
                case "Task":
                    walk.calls.append(state["Resource"])
                    assert state["ResultPath"] == "$.result"
                    walk.document["result"] = answer(state["Resource"])
                    name = state.get("Next")
                case "Wait":
                    walk.waits.append(value_at(state["SecondsPath"], walk.document))
                    name = state["Next"]
                case "Choice":
                    name = next(
                        (each["Next"] for each in state["Choices"] if holds(each, walk.document)),
                        state["Default"],
                    )
                case "Succeed":
                    name = None
                case other:
                    raise AssertionError(f"{name}: unknown type {other}")
        return walk


@dataclass
class Walk:
    """What an execution did."""

    document: Document
    states: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    waits: list[Any] = field(default_factory=list)


def successors(state: State) -> Iterator[str]:
    """The names of the states that may follow."""
    for choice in state.get("Choices", ()):
        yield choice["Next"]
    for key in ("Next", "Default"):
        if key in state:
            yield state[key]
