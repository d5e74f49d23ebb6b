import FuzzSupport

unsafe fuzz(fuzzJSON)
