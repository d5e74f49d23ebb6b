import FuzzSupport

unsafe fuzz(fuzzSSE)
