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

extension JSONLimits {
    /// For a second look at a part of a message that was accepted as a whole, by limits that may be wider than the standard ones.
    static let alreadyValidated = JSONLimits(
        depthMax: JSONLimits.depthCeiling, nodesMax: 1 << 40, stringBytesMax: 1 << 40, numberBytesMax: 1 << 40,
        membersMax: 1 << 40)
}

extension JSONBounds {
    var limits: JSONLimits {
        JSONLimits(
            depthMax: self.depthMax, nodesMax: self.nodesMax, stringBytesMax: self.stringBytesMax,
            numberBytesMax: self.numberBytesMax, membersMax: self.membersMax)
    }
}
