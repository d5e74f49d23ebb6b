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
        _ = cursor.token(bytes)
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
