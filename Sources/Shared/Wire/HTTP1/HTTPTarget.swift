import Base

/// A request target taken apart (RFC 9112 3.2). Characters and percent-escapes are checked, nothing is decoded or normalised.
struct HTTPTarget {
    let path: Range<Int>
    let query: Range<Int>?
    /// Only of the absolute form and of that of CONNECT. The caller compares it with `Host`, which checks its grammar too.
    let authority: Range<Int>?

    init(_ bytes: Span<UInt8>, _ range: Range<Int>, method: HTTPMethod) throws(HTTPRefusal) {
        guard !range.isEmpty else { throw .malformedTarget }
        var start = range.lowerBound
        if bytes[start] == 0x2F {
            self.authority = nil
        } else if method == .options, range.count == 1, bytes[start] == 0x2A {
            self.authority = nil
            self.path = range
            self.query = nil
            return
        } else if method == .connect {
            // The authority form. It is no path and matches none; a byte that no authority has is refused all the same.
            guard HTTPHost.isValid(bytes, range) else { throw .malformedTarget }
            self.authority = range
            self.path = range
            self.query = nil
            return
        } else {
            let authority = try Self.authority(bytes, range)
            self.authority = authority
            start = authority.upperBound
        }
        let question = try Self.endOfPath(bytes, start..<range.upperBound)
        self.path = start..<question
        if question < range.upperBound {
            self.query = question + 1..<range.upperBound
            try Self.checkQuery(bytes, question + 1..<range.upperBound)
        } else {
            self.query = nil
        }
    }

    /// The authority of the absolute form. A path must follow it: a route is a path, and an empty one would need normalising.
    private static func authority(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(HTTPRefusal) -> Range<Int> {
        let start: Int
        if range.count > 7, bytes.matchesFolded("http://", at: range.lowerBound) {
            start = range.lowerBound + 7
        } else if range.count > 8, bytes.matchesFolded("https://", at: range.lowerBound) {
            start = range.lowerBound + 8
        } else {
            throw .malformedTarget
        }
        let end = bytes.first(0x2F, in: start..<range.upperBound)
        guard end < range.upperBound, end > start else { throw .malformedTarget }
        return start..<end
    }

    private static func endOfPath(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(HTTPRefusal) -> Int {
        var index = range.lowerBound
        while index < range.upperBound {
            let byte = bytes[index]
            if HTTPByte.pathCharacter.contains(byte) || byte == 0x2F {
                index &+= 1
            } else if byte == 0x3F {
                return index
            } else {
                index = try Self.afterEscape(bytes, index, end: range.upperBound)
            }
        }
        return range.upperBound
    }

    private static func checkQuery(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(HTTPRefusal) {
        var index = range.lowerBound
        while index < range.upperBound {
            let byte = bytes[index]
            if HTTPByte.pathCharacter.contains(byte) || byte == 0x2F || byte == 0x3F {
                index &+= 1
            } else {
                index = try Self.afterEscape(bytes, index, end: range.upperBound)
            }
        }
    }

    /// The offset after the percent-escape at `index`; anything else there is malformed.
    private static func afterEscape(_ bytes: Span<UInt8>, _ index: Int, end: Int) throws(HTTPRefusal) -> Int {
        guard HTTPHost.isEscape(bytes, index, end: end) else { throw .malformedTarget }
        return index + 3
    }
}
