import FuzzSupport

unsafe fuzz(fuzzHTTP)
