import FuzzSupport

unsafe fuzz(fuzzWebSocket)
