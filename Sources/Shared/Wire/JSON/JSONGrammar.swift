import Base

/// The parts of RFC 8259 below the structure. Each takes the offset where its part starts and returns the offset behind it.
///
/// Every offset that goes in or out is at most `end`, and `end <= bytes.count`: this is what makes each `unchecked` access
/// sound, and each one follows a comparison with `end`. The values are copied, never shared, so that they stay in registers.
struct JSONGrammar: Sendable {
    let end: Int
    let depthMax: Int
    /// Distance of the quotes of the longest string.
    private let quoteDistanceMax: Int
    private let numberBytesMax: Int
    /// The last offset where eight bytes exist. May be negative.
    private let lastWord: Int

    init(end: Int, limits: JSONLimits) {
        self.end = end
        self.depthMax = limits.depthMax
        // No text has so many bytes; a limit of `Int.max` means none.
        self.quoteDistanceMax = min(limits.stringBytesMax, Int(Int32.max)) &+ 1
        self.numberBytesMax = limits.numberBytesMax
        self.lastWord = end &- ByteWord.size
    }

    /// What is wrong when the byte at `offset` is not one that may stand there.
    @inline(never)
    func unexpected(at offset: Int) -> JSONError {
        JSONError(offset >= self.end ? .unexpectedEnd : .unexpectedByte, at: offset)
    }

    /// Moves `at` past whitespace and returns the byte there, or 0 at the end: no token starts with a zero byte.
    /// `breaksLine` is set when a raw LF or CR was passed.
    @inline(__always)
    func token(_ bytes: Span<UInt8>, at: inout Int, _ breaksLine: inout Bool) -> UInt8 {
        guard at < self.end else { return 0 }
        let byte = unsafe bytes[unchecked: at]
        if byte > 0x20 { return byte }
        at = self.spaceEnd(bytes, from: at, &breaksLine)
        return at < self.end ? unsafe bytes[unchecked: at] : 0
    }

    /// The four whitespace bytes of RFC 8259 2.
    @inline(never)
    private func spaceEnd(_ bytes: Span<UInt8>, from start: Int, _ breaksLine: inout Bool) -> Int {
        var at = start
        while at < self.end {
            switch unsafe bytes[unchecked: at] {
            case 0x20, 0x09: break
            case 0x0A, 0x0D: breaksLine = true
            default: return at
            }
            at &+= 1
        }
        return at
    }

    /// A colon and whitespace before it.
    @inline(__always)
    func colonEnd(_ bytes: Span<UInt8>, from start: Int, _ breaksLine: inout Bool) throws(JSONError) -> Int {
        var at = start
        guard self.token(bytes, at: &at, &breaksLine) == 0x3A else { throw self.unexpected(at: at) }
        return at &+ 1
    }

    /// `true`, `false` or `null`. There may be no byte at `start`.
    @inline(never)
    func literalEnd(_ bytes: Span<UInt8>, from start: Int) throws(JSONError) -> Int {
        guard start < self.end else { throw self.unexpected(at: start) }
        let rest = self.end &- start
        switch bytes[start] {
        case 0x74 where rest >= 4 && ByteWord.matches(bytes, at: start, "true"): return start &+ 4
        case 0x66 where rest >= 5 && ByteWord.matches(bytes, at: start, "false"): return start &+ 5
        case 0x6E where rest >= 4 && ByteWord.matches(bytes, at: start, "null"): return start &+ 4
        case 0x74, 0x66, 0x6E: throw JSONError(.badLiteral, at: start)
        default: throw self.unexpected(at: start)
        }
    }

    /// The byte at `start` exists and is a minus or a digit.
    @inline(__always)
    func numberEnd(_ bytes: Span<UInt8>, from start: Int) throws(JSONError) -> Int {
        let integer = unsafe bytes[unchecked: start] == 0x2D ? start &+ 1 : start
        var at = self.digitsEnd(bytes, from: integer)
        // RFC 8259 6: at least one digit, and no leading zero.
        if at &- integer != 1 {
            guard at > integer else { throw JSONError(.badNumber, at: at) }
            if unsafe bytes[unchecked: integer] == 0x30 { throw JSONError(.badNumber, at: start) }
        }
        if at < self.end {
            let byte = unsafe bytes[unchecked: at]
            if byte == 0x2E || byte | 0x20 == 0x65 { at = try self.fractionEnd(bytes, from: at) }
        }
        guard at &- start <= self.numberBytesMax else { throw JSONError(.numberTooLong, at: start) }
        return at
    }

    /// A fraction, an exponent or both.
    @inline(never)
    private func fractionEnd(_ bytes: Span<UInt8>, from start: Int) throws(JSONError) -> Int {
        var at = start
        if self.byte(bytes, at: at) == 0x2E {
            let digits = at &+ 1
            at = self.digitsEnd(bytes, from: digits)
            guard at > digits else { throw JSONError(.badNumber, at: at) }
        }
        if let byte = self.byte(bytes, at: at), byte | 0x20 == 0x65 {
            at &+= 1
            if let sign = self.byte(bytes, at: at), sign == 0x2B || sign == 0x2D { at &+= 1 }
            let digits = at
            at = self.digitsEnd(bytes, from: digits)
            guard at > digits else { throw JSONError(.badNumber, at: at) }
        }
        return at
    }

    @inline(__always)
    private func digitsEnd(_ bytes: Span<UInt8>, from start: Int) -> Int {
        var at = start
        while at < self.end, ASCII.isDigit(unsafe bytes[unchecked: at]) { at &+= 1 }
        return at
    }

    /// The byte at `offset`, or nil at the end.
    @inline(__always)
    private func byte(_ bytes: Span<UInt8>, at offset: Int) -> UInt8? {
        offset < self.end ? unsafe bytes[unchecked: offset] : nil
    }
}

/// Strings. `start` is the offset of the opening quote, which exists.
extension JSONGrammar {
    @inline(__always)
    func stringEnd(
        _ bytes: Span<UInt8>, from start: Int, _ breaksLine: inout Bool
    ) throws(JSONError) -> (end: Int, hasEscapes: Bool) {
        var at = start &+ 1
        while at <= self.lastWord {
            let stops = ByteWord.stringStops(ByteWord.load(bytes, at: at))
            if stops != 0 {
                at &+= ByteWord.firstIndex(stops)
                guard unsafe bytes[unchecked: at] == 0x22, at &- start <= self.quoteDistanceMax else { break }
                return (at &+ 1, false)
            }
            at &+= ByteWord.size
        }
        return try self.restOfStringEnd(bytes, from: start, stop: at, &breaksLine)
    }

    /// The first offset not below `start` that is not plain string content, or the end.
    @inline(__always)
    private func plainRunEnd(_ bytes: Span<UInt8>, from start: Int) -> Int {
        var at = start
        while at <= self.lastWord {
            let stops = ByteWord.stringStops(ByteWord.load(bytes, at: at))
            if stops != 0 { return at &+ ByteWord.firstIndex(stops) }
            at &+= ByteWord.size
        }
        while let byte = self.byte(bytes, at: at), byte != 0x22, byte != 0x5C, byte >= 0x20, byte < 0x80 { at &+= 1 }
        return at
    }

    /// The part of a string from `stop` on: its first escape or non-ASCII character, or one of the last bytes of the text.
    /// `breaksLine` is set when a raw U+2028 or U+2029 was passed.
    @inline(never)
    private func restOfStringEnd(
        _ bytes: Span<UInt8>, from start: Int, stop: Int, _ breaksLine: inout Bool
    ) throws(JSONError) -> (end: Int, hasEscapes: Bool) {
        var hasEscapes = false
        var at = stop
        // Bound: every round passes at least one byte.
        while let byte = self.byte(bytes, at: at) {
            guard at &- start <= self.quoteDistanceMax else { throw JSONError(.stringTooLong, at: start &+ 1) }
            switch byte {
            case 0x22:
                return (at &+ 1, hasEscapes)
            case 0x5C:
                hasEscapes = true
                at = try self.escapeEnd(bytes, from: at)
            case 0x80...:
                let length = UTF8Sequence.length(bytes, at: at, end: self.end)
                guard length > 0 else { throw JSONError(.badUTF8, at: at) }
                if byte == 0xE2, UTF8Sequence.isLineSeparator(bytes, at: at, end: self.end) { breaksLine = true }
                at &+= length
            case ..<0x20:
                throw JSONError(.controlCharacter, at: at)
            default:
                at = self.plainRunEnd(bytes, from: at)
            }
        }
        throw JSONError(.unexpectedEnd, at: self.end)
    }

    /// One escape; its backslash is at `start`.
    @inline(__always)
    private func escapeEnd(_ bytes: Span<UInt8>, from start: Int) throws(JSONError) -> Int {
        switch self.byte(bytes, at: start &+ 1) {
        case 0x22, 0x5C, 0x2F, 0x62, 0x66, 0x6E, 0x72, 0x74: return start &+ 2
        case 0x75: return try self.unicodeEscapeEnd(bytes, from: start)
        case nil: throw JSONError(.unexpectedEnd, at: self.end)
        default: throw JSONError(.badEscape, at: start)
        }
    }

    private func unicodeEscapeEnd(_ bytes: Span<UInt8>, from start: Int) throws(JSONError) -> Int {
        let unit = try self.codeUnit(bytes, at: start)
        guard unit & 0xF800 == 0xD800 else { return start &+ 6 }
        guard unit < 0xDC00, self.byte(bytes, at: start &+ 6) == 0x5C, self.byte(bytes, at: start &+ 7) == 0x75 else {
            throw JSONError(.loneSurrogate, at: start)
        }
        guard try self.codeUnit(bytes, at: start &+ 6) & 0xFC00 == 0xDC00 else {
            throw JSONError(.loneSurrogate, at: start)
        }
        return start &+ 12
    }

    /// The UTF-16 code unit of the `\uXXXX` at `offset`, whose first two bytes exist.
    private func codeUnit(_ bytes: Span<UInt8>, at offset: Int) throws(JSONError) -> UInt32 {
        guard self.end &- offset >= 6, let unit = JSONString.hexUnit(bytes, at: offset &+ 2) else {
            throw JSONError(.badEscape, at: offset)
        }
        return unit
    }
}
