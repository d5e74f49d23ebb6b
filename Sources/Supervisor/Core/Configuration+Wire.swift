import Wire

extension Limits {
    /// The bounds of one HTTP request.
    var http: HTTPLimits {
        var limits = HTTPLimits(bodyBytesMax: self.bodyBytesMax)
        limits.requestLineBytesMax = self.requestLineBytesMax
        limits.fieldBytesMax = self.fieldBytesMax
        limits.headBytesMax = self.headBytesMax
        limits.fieldsMax = self.fieldsMax
        limits.chunkExtensionBytesMax = self.chunkExtensionBytesMax
        limits.trailerBytesMax = self.trailerBytesMax
        return limits
    }
}

extension JSONBounds {
    var limits: JSONLimits {
        JSONLimits(
            depthMax: self.depthMax, nodesMax: self.nodesMax, stringBytesMax: self.stringBytesMax,
            numberBytesMax: self.numberBytesMax, membersMax: self.membersMax)
    }
}
