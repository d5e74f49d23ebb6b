import Base

/// One pass of strict RFC 8259 over a buffer: the position, what is left of the limits, and what was seen.
///
/// The bytes are passed to every method, always the same ones. `position <= end <= bytes.count` holds between any two calls;
/// this is what makes each `unchecked` access below sound, and each one follows a comparison with `end`.
struct JSONCursor {
    private(set) var position: Int
    private let end: Int
    private var nodesLeft: Int
    /// A raw LF or CR between tokens, or a raw U+2028 or U+2029 in a string, has been passed.
    var needsLineRewrite = false
    private let limits: JSONLimits

    init(_ bytes: Span<UInt8>, range: Range<Int>, limits: JSONLimits) throws(JSONError) {
        guard bytes.count <= Int(Int32.max) else { throw JSONError(.textTooLong, at: 0) }
        guard range.lowerBound >= 0, range.upperBound <= bytes.count else {
            throw JSONError(.unexpectedEnd, at: bytes.count)
        }
        self.position = range.lowerBound
        self.end = range.upperBound
        self.nodesLeft = limits.nodesMax
        self.limits = limits
    }

    /// The byte at the position, or nil at the end.
    @inline(__always)
    func peek(_ bytes: Span<UInt8>) -> UInt8? {
        self.position < self.end ? unsafe bytes[unchecked: self.position] : nil
    }

    var depthMax: Int { self.limits.depthMax }
    var membersMax: Int { self.limits.membersMax }
    var recordedKeyBytesMax: Int { self.limits.recordedKeyBytesMax }
    var isAtEnd: Bool { self.position == self.end }

    func error(_ reason: JSONError.Reason) -> JSONError { JSONError(reason, at: self.position) }

    /// What is wrong when the byte at the position is not one that may stand there.
    @inline(never)
    func unexpected() -> JSONError { self.error(self.isAtEnd ? .unexpectedEnd : .unexpectedByte) }

    /// Passes the four whitespace bytes of RFC 8259 2.
    @inline(__always)
    mutating func skipWhitespace(_ bytes: Span<UInt8>) {
        while self.position < self.end {
            let byte = unsafe bytes[unchecked: self.position]
            if byte > 0x20 { return }
            switch byte {
            case 0x20, 0x09: break
            case 0x0A, 0x0D: self.needsLineRewrite = true
            default: return
            }
            self.position &+= 1
        }
    }

    /// Passes `byte`, or throws.
    @inline(__always)
    mutating func expect(_ byte: UInt8, _ bytes: Span<UInt8>) throws(JSONError) {
        guard self.position < self.end, unsafe bytes[unchecked: self.position] == byte else { throw self.unexpected() }
        self.position &+= 1
    }

    /// Counts one value. Called where its first byte is known to exist.
    @inline(__always)
    mutating func countNode() throws(JSONError) {
        self.nodesLeft &-= 1
        guard self.nodesLeft >= 0 else { throw self.error(.tooManyNodes) }
    }

    /// Passes a whole value, whitespace before it included, `depth` containers being open around it.
    mutating func skipValue(_ bytes: Span<UInt8>, depth outer: Int) throws(JSONError) {
        // Bit 0 tells the innermost open container: 1 an object, 0 an array.
        var kinds: UInt128 = 0
        var depth = outer
        // Bound: every round passes at least one byte.
        nextValue: while true {
            self.skipWhitespace(bytes)
            guard let byte = self.peek(bytes) else { throw self.error(.unexpectedEnd) }
            try self.countNode()
            switch byte {
            case 0x22:
                _ = try self.skipString(bytes)
            case 0x7B, 0x5B:
                guard depth < self.limits.depthMax else { throw self.error(.tooDeep) }
                self.position &+= 1
                self.skipWhitespace(bytes)
                // `}` is `{` + 2 and `]` is `[` + 2.
                if self.peek(bytes) == byte &+ 2 {
                    self.position &+= 1
                    break
                }
                depth &+= 1
                kinds = kinds &<< 1 | (byte == 0x7B ? 1 : 0)
                if byte == 0x7B { _ = try self.skipKey(bytes) }
                continue nextValue
            case 0x2D, 0x30...0x39:
                try self.skipNumber(bytes)
            default:
                try self.skipLiteral(bytes)
            }
            while true {
                if depth == outer { return }
                self.skipWhitespace(bytes)
                let isObject = kinds & 1 == 1
                switch self.peek(bytes) {
                case 0x2C:
                    self.position &+= 1
                    if isObject { _ = try self.skipKey(bytes) }
                    continue nextValue
                case isObject ? 0x7D : 0x5D:
                    self.position &+= 1
                    depth &-= 1
                    kinds = kinds &>> 1
                default:
                    throw self.unexpected()
                }
            }
        }
    }

    /// Passes whitespace, a key and its colon.
    @inline(__always)
    mutating func skipKey(_ bytes: Span<UInt8>) throws(JSONError) -> (key: ByteRange, hasEscapes: Bool) {
        self.skipWhitespace(bytes)
        guard self.peek(bytes) == 0x22 else { throw self.unexpected() }
        let start = self.position &+ 1
        let hasEscapes = try self.skipString(bytes)
        let key = ByteRange(start, self.position &- 1)
        self.skipWhitespace(bytes)
        try self.expect(0x3A, bytes)
        return (key, hasEscapes)
    }

    private mutating func skipLiteral(_ bytes: Span<UInt8>) throws(JSONError) {
        let rest = self.end &- self.position
        let count: Int
        switch bytes[self.position] {
        case 0x74 where rest >= 4 && bytes.matches("true", at: self.position): count = 4
        case 0x66 where rest >= 5 && bytes.matches("false", at: self.position): count = 5
        case 0x6E where rest >= 4 && bytes.matches("null", at: self.position): count = 4
        case 0x74, 0x66, 0x6E: throw self.error(.badLiteral)
        default: throw self.unexpected()
        }
        self.position &+= count
    }

    private mutating func skipNumber(_ bytes: Span<UInt8>) throws(JSONError) {
        let start = self.position
        if bytes[start] == 0x2D { self.position &+= 1 }
        let leading = self.peek(bytes)
        guard self.skipDigits(bytes) > 0 else { throw self.error(.badNumber) }
        // RFC 8259 6: leading zeros are not allowed.
        if leading == 0x30, self.position &- start > (bytes[start] == 0x2D ? 2 : 1) { throw JSONError(.badNumber, at: start) }
        if self.peek(bytes) == 0x2E {
            self.position &+= 1
            guard self.skipDigits(bytes) > 0 else { throw self.error(.badNumber) }
        }
        if let byte = self.peek(bytes), byte | 0x20 == 0x65 {
            self.position &+= 1
            if let sign = self.peek(bytes), sign == 0x2B || sign == 0x2D { self.position &+= 1 }
            guard self.skipDigits(bytes) > 0 else { throw self.error(.badNumber) }
        }
        guard self.position &- start <= self.limits.numberBytesMax else { throw JSONError(.numberTooLong, at: start) }
    }

    /// Passes digits and tells how many.
    @inline(__always)
    private mutating func skipDigits(_ bytes: Span<UInt8>) -> Int {
        let start = self.position
        while let byte = self.peek(bytes), ASCII.isDigit(byte) { self.position &+= 1 }
        return self.position &- start
    }
}

extension JSONCursor {
    /// Passes a string, both quotes included; the position is at the opening one. True when it holds an escape.
    @inline(__always)
    mutating func skipString(_ bytes: Span<UInt8>) throws(JSONError) -> Bool {
        let start = self.position &+ 1
        let stop = self.plainRunEnd(bytes, from: start)
        guard stop < self.end, unsafe bytes[unchecked: stop] == 0x22 else {
            return try self.skipRestOfString(bytes, from: stop, start: start)
        }
        guard stop &- start <= self.limits.stringBytesMax else { throw JSONError(.stringTooLong, at: start) }
        self.position = stop &+ 1
        return false
    }

    /// The first offset not below `from` that is not plain string content, or the end.
    @inline(__always)
    private func plainRunEnd(_ bytes: Span<UInt8>, from: Int) -> Int {
        var offset = from
        while self.end &- offset >= ByteWord.size {
            let stops = ByteWord.stringStops(ByteWord.load(bytes, at: offset))
            if stops != 0 { return offset &+ ByteWord.firstIndex(stops) }
            offset &+= ByteWord.size
        }
        while offset < self.end {
            let byte = unsafe bytes[unchecked: offset]
            if byte == 0x22 || byte == 0x5C || byte < 0x20 || byte >= 0x80 { break }
            offset &+= 1
        }
        return offset
    }

    /// The part of a string from its first escape or non-ASCII character on.
    @inline(never)
    private mutating func skipRestOfString(_ bytes: Span<UInt8>, from: Int, start: Int) throws(JSONError) -> Bool {
        var hasEscapes = false
        self.position = from
        // Bound: every round passes at least one byte.
        while let byte = self.peek(bytes) {
            guard self.position &- start <= self.limits.stringBytesMax else { throw JSONError(.stringTooLong, at: start) }
            switch byte {
            case 0x22:
                self.position &+= 1
                return hasEscapes
            case 0x5C:
                hasEscapes = true
                try self.skipEscape(bytes)
            case 0x80...:
                let length = UTF8Sequence.length(bytes, at: self.position, end: self.end)
                guard length > 0 else { throw self.error(.badUTF8) }
                if byte == 0xE2, UTF8Sequence.isLineSeparator(bytes, at: self.position, end: self.end) {
                    self.needsLineRewrite = true
                }
                self.position &+= length
            case ..<0x20:
                throw self.error(.controlCharacter)
            default:
                self.position = self.plainRunEnd(bytes, from: self.position)
            }
        }
        throw self.error(.unexpectedEnd)
    }

    /// Passes one escape; the position is at its backslash.
    private mutating func skipEscape(_ bytes: Span<UInt8>) throws(JSONError) {
        guard self.end &- self.position >= 2 else { throw JSONError(.unexpectedEnd, at: self.end) }
        switch bytes[self.position + 1] {
        case 0x22, 0x5C, 0x2F, 0x62, 0x66, 0x6E, 0x72, 0x74:
            self.position &+= 2
        case 0x75:
            let unit = try self.codeUnit(bytes, at: self.position)
            switch unit {
            case 0xD800...0xDBFF:
                guard self.end &- self.position >= 8, bytes[self.position + 6] == 0x5C, bytes[self.position + 7] == 0x75 else {
                    throw self.error(.loneSurrogate)
                }
                let low = try self.codeUnit(bytes, at: self.position + 6)
                guard low & 0xFC00 == 0xDC00 else { throw self.error(.loneSurrogate) }
                self.position &+= 12
            case 0xDC00...0xDFFF:
                throw self.error(.loneSurrogate)
            default:
                self.position &+= 6
            }
        default:
            throw self.error(.badEscape)
        }
    }

    /// The UTF-16 code unit of the `\uXXXX` at `offset`, whose first two bytes exist.
    private func codeUnit(_ bytes: Span<UInt8>, at offset: Int) throws(JSONError) -> UInt32 {
        guard self.end &- offset >= 6 else { throw JSONError(.badEscape, at: offset) }
        guard let unit = JSONString.hexUnit(bytes, at: offset + 2) else { throw JSONError(.badEscape, at: offset) }
        return unit
    }
}
