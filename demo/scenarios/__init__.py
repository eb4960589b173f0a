"""Failures and the way out of each, shown on one machine: ``make demo SCENARIO=script-fails``.

In each scenario an execution fails, in a way that can happen to anybody. The notice is printed as
it arrived, its advice is followed word for word, and then everything is looked at that the demo
looks at after an execution that has succeeded.

* :mod:`~demo.scenarios.declaration` says what happens in each,
* :mod:`~demo.scenarios.stage` has what people do: make mistakes, and correct them,
* :mod:`~demo.scenarios.advice` reads a notice, and :mod:`~demo.scenarios.commands` runs what it
  advises,
* :mod:`~demo.scenarios.judgement` decides, from values alone,
* :mod:`~demo.scenarios.failing` plays a scenario,
* :mod:`~demo.scenarios.table` writes the table in docs/demo.md.
"""
