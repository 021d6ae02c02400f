"""Looking at what happened: step by step, as pictures, backwards, and whether it still happens."""

from augury.inspect.inverse import Inverse, inverse
from augury.inspect.show import Strip, show
from augury.inspect.trace import Trace, TraceStep, trace
from augury.inspect.verify import Verification, verify

__all__ = ["Inverse", "Strip", "Trace", "TraceStep", "Verification", "inverse", "show", "trace", "verify"]
