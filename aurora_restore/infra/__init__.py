"""The stack of one environment, as CDK constructs. Everything derives from ``shared.pipeline``."""
