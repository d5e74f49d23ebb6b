public import Base

/// Strict RFC 8259 scanner: one pass, nothing stored but offsets, no recursion. Checks UTF-8 (RFC 3629), the exact grammar and
/// the limits; a byte order mark, a lone surrogate escape and anything but whitespace after the value are refused.
public struct JSONScanner: Sendable {
    private let limits: JSONLimits
    /// True after a scan when the value holds a raw LF or CR between tokens, or a raw U+2028 or U+2029 inside a string: it must
    /// be rewritten by `appendLine` before it may become one line of a stdio channel.
    public private(set) var needsLineRewrite = false

    public init(limits: JSONLimits = .standard) { self.limits = limits }

    /// Validates the whole of `bytes` as one JSON text. Returns the range of the value without the whitespace around it.
    public mutating func scanText(_ bytes: Span<UInt8>) throws(JSONError) -> ByteRange {
        var cursor = try JSONCursor(bytes, range: 0..<bytes.count, limits: self.limits)
        try cursor.startText(bytes)
        let start = cursor.position
        try cursor.skipValue(bytes, depth: 0)
        let range = ByteRange(start, cursor.position)
        self.needsLineRewrite = cursor.needsLineRewrite
        try cursor.endText(bytes)
        return range
    }

    /// Validates one value that starts at `position` or after whitespace there, and moves `position` past it.
    public mutating func scanValue(_ bytes: Span<UInt8>, at position: inout Int) throws(JSONError) -> ByteRange {
        guard position >= 0, position <= bytes.count else { throw JSONError(.unexpectedEnd, at: bytes.count) }
        var cursor = try JSONCursor(bytes, range: position..<bytes.count, limits: self.limits)
        cursor.skipWhitespace(bytes)
        cursor.needsLineRewrite = false
        let start = cursor.position
        try cursor.skipValue(bytes, depth: 0)
        self.needsLineRewrite = cursor.needsLineRewrite
        position = cursor.position
        return ByteRange(start, position)
    }

    /// Validates the object at `range`, which need not have been validated before, and records its members. `range` may include
    /// whitespace around the object. After an error the table is empty.
    public mutating func scanObject(
        _ bytes: Span<UInt8>, at range: ByteRange, into members: inout JSONMembers
    ) throws(JSONError) {
        members.removeAll()
        do throws(JSONError) {
            var cursor = try JSONCursor(bytes, range: range.range, limits: self.limits)
            try cursor.startText(bytes)
            try cursor.recordObject(bytes, depth: 0, into: &members)
            self.needsLineRewrite = cursor.needsLineRewrite
            try cursor.endText(bytes)
        } catch {
            members.removeAll()
            throw error
        }
    }

    /// Validates the array at `range` and records the ranges of its elements, at most `elementsMax`.
    /// After an error `elements` is empty.
    public mutating func scanArray(
        _ bytes: Span<UInt8>, at range: ByteRange, elementsMax: Int, into elements: inout [ByteRange]
    ) throws(JSONError) {
        elements.removeAll(keepingCapacity: true)
        do throws(JSONError) {
            var cursor = try JSONCursor(bytes, range: range.range, limits: self.limits)
            try cursor.startText(bytes)
            try cursor.recordArray(bytes, elementsMax: elementsMax, into: &elements)
            self.needsLineRewrite = cursor.needsLineRewrite
            try cursor.endText(bytes)
        } catch {
            elements.removeAll(keepingCapacity: true)
            throw error
        }
    }
}

extension JSONCursor {
    /// Passes what may stand before the value of a text. Line ends there are outside the value and do not count.
    mutating func startText(_ bytes: Span<UInt8>) throws(JSONError) {
        self.skipWhitespace(bytes)
        self.needsLineRewrite = false
        // RFC 8259 8.1 lets a reader ignore the mark; a reader behind us need not.
        if self.peek(bytes) == 0xEF { throw self.error(.byteOrderMark) }
    }

    /// Passes what may stand after the value of a text.
    mutating func endText(_ bytes: Span<UInt8>) throws(JSONError) {
        self.skipWhitespace(bytes)
        guard self.isAtEnd else { throw self.error(.trailingBytes) }
    }

    /// Passes the object at the position and adds its members to `members`.
    mutating func recordObject(_ bytes: Span<UInt8>, depth: Int, into members: inout JSONMembers) throws(JSONError) {
        guard try self.enter(0x7B, bytes, depth: depth) else { return }
        // Bound: every round passes at least one byte.
        while true {
            let (key, hasEscapes, fingerprint) = try self.recordKey(bytes, into: members)
            self.skipWhitespace(bytes)
            let start = self.position
            try self.skipValue(bytes, depth: depth + 1)
            members.append(
                JSONMember(
                    key: key, keyHasEscapes: hasEscapes, value: ByteRange(start, self.position), fingerprint: fingerprint))
            guard try self.continues(0x7D, bytes) else { return }
        }
    }

    /// Passes a key and its colon, and checks that it may be added to `members`.
    @inline(__always)
    mutating func recordKey(
        _ bytes: Span<UInt8>, into members: borrowing JSONMembers
    ) throws(JSONError) -> (key: ByteRange, hasEscapes: Bool, fingerprint: UInt64) {
        let (key, hasEscapes) = try self.skipKey(bytes)
        guard key.count <= self.recordedKeyBytesMax else { throw JSONError(.stringTooLong, at: key.lowerBound) }
        guard members.count < self.membersMax else { throw JSONError(.tooManyMembers, at: key.lowerBound) }
        guard let fingerprint = members.admit(key, hasEscapes: hasEscapes, in: bytes) else {
            throw JSONError(.duplicateKey, at: key.lowerBound)
        }
        return (key, hasEscapes, fingerprint)
    }

    mutating func recordArray(
        _ bytes: Span<UInt8>, elementsMax: Int, into elements: inout [ByteRange]
    ) throws(JSONError) {
        guard try self.enter(0x5B, bytes, depth: 0) else { return }
        // Bound: every round passes at least one byte.
        while true {
            self.skipWhitespace(bytes)
            guard elements.count < elementsMax else { throw self.error(.tooManyMembers) }
            let start = self.position
            try self.skipValue(bytes, depth: 1)
            elements.append(ByteRange(start, self.position))
            guard try self.continues(0x5D, bytes) else { return }
        }
    }

    /// Passes the opening byte of a container. False when the container is empty; it has been passed then.
    @inline(__always)
    mutating func enter(_ open: UInt8, _ bytes: Span<UInt8>, depth: Int) throws(JSONError) -> Bool {
        try self.expect(open, bytes)
        try self.countNode()
        guard depth < self.depthMax else { throw JSONError(.tooDeep, at: self.position &- 1) }
        self.skipWhitespace(bytes)
        // `}` is `{` + 2 and `]` is `[` + 2.
        guard self.peek(bytes) == open &+ 2 else { return true }
        try self.expect(open &+ 2, bytes)
        return false
    }

    /// Passes a comma and answers true, or the closing byte and answers false.
    @inline(__always)
    mutating func continues(_ close: UInt8, _ bytes: Span<UInt8>) throws(JSONError) -> Bool {
        self.skipWhitespace(bytes)
        let byte = self.peek(bytes)
        guard byte == 0x2C || byte == close else { throw self.unexpected() }
        try self.expect(byte == close ? close : 0x2C, bytes)
        return byte != close
    }
}
