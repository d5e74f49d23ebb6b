import FuzzSupport

unsafe fuzz(fuzzLines)
