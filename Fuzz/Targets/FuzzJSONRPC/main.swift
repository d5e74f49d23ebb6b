import FuzzSupport

unsafe fuzz(fuzzJSONRPC)
