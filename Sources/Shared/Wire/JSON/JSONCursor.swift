import Base

/// One pass of strict RFC 8259 over a buffer: the position, what is left of the limits, and what was seen. The bytes are passed
/// to every method, always the same ones. `position <= grammar.end <= bytes.count` holds between any two calls.
struct JSONCursor {
    private(set) var position: Int
    private var nodesLeft: Int
    /// A raw LF or CR between tokens, or a raw U+2028 or U+2029 in a string, has been passed.
    var needsLineRewrite = false
    private let grammar: JSONGrammar
    private let membersMax: Int
    private let recordedKeyBytesMax: Int

    init(_ bytes: Span<UInt8>, range: Range<Int>, limits: JSONLimits) throws(JSONError) {
        guard bytes.count <= Int(Int32.max) else { throw JSONError(.textTooLong, at: 0) }
        guard range.lowerBound >= 0, range.upperBound <= bytes.count else {
            throw JSONError(.unexpectedEnd, at: bytes.count)
        }
        self.position = range.lowerBound
        self.nodesLeft = limits.nodesMax
        self.grammar = JSONGrammar(end: range.upperBound, limits: limits)
        self.membersMax = limits.membersMax
        self.recordedKeyBytesMax = limits.recordedKeyBytesMax
    }

    func error(_ reason: JSONError.Reason) -> JSONError { JSONError(reason, at: self.position) }

    /// Passes whitespace and returns the byte behind it, or 0 at the end.
    @inline(__always)
    mutating func token(_ bytes: Span<UInt8>) -> UInt8 {
        self.grammar.token(bytes, at: &self.position, &self.needsLineRewrite)
    }

    /// Passes a whole value, whitespace before it included, `depth` containers being open around it.
    mutating func skipValue(_ bytes: Span<UInt8>, depth outer: Int) throws(JSONError) {
        let grammar = self.grammar
        // Bit 0 tells the innermost open container: 1 an object, 0 an array.
        var kinds: UInt128 = 0
        var depth = outer
        var nodesLeft = self.nodesLeft
        var breaksLine = self.needsLineRewrite
        var at = self.position
        var byte = grammar.token(bytes, at: &at, &breaksLine)
        // Bound: every round passes at least one byte.
        nextValue: while true {
            nodesLeft &-= 1
            guard nodesLeft >= 0 else { throw JSONError(.tooManyNodes, at: at) }
            switch byte {
            case 0x22:
                at = try grammar.stringEnd(bytes, from: at, &breaksLine).end
            case 0x7B, 0x5B:
                guard depth < grammar.depthMax else { throw JSONError(.tooDeep, at: at) }
                at &+= 1
                let next = grammar.token(bytes, at: &at, &breaksLine)
                // `}` is `{` + 2 and `]` is `[` + 2.
                if next == byte &+ 2 {
                    at &+= 1
                    break
                }
                depth &+= 1
                kinds = kinds &<< 1 | (byte == 0x7B ? 1 : 0)
                if byte == 0x7B {
                    guard next == 0x22 else { throw grammar.unexpected(at: at) }
                    at = try grammar.stringEnd(bytes, from: at, &breaksLine).end
                    at = try grammar.colonEnd(bytes, from: at, &breaksLine)
                    byte = grammar.token(bytes, at: &at, &breaksLine)
                } else {
                    byte = next
                }
                continue nextValue
            case 0x2D, 0x30...0x39:
                at = try grammar.numberEnd(bytes, from: at)
            default:
                at = try grammar.literalEnd(bytes, from: at)
            }
            while depth > outer {
                let next = grammar.token(bytes, at: &at, &breaksLine)
                let isObject = kinds & 1 == 1
                guard next == 0x2C else {
                    guard next == (isObject ? 0x7D : 0x5D) else { throw grammar.unexpected(at: at) }
                    at &+= 1
                    depth &-= 1
                    kinds = kinds &>> 1
                    continue
                }
                at &+= 1
                byte = grammar.token(bytes, at: &at, &breaksLine)
                if isObject {
                    guard byte == 0x22 else { throw grammar.unexpected(at: at) }
                    at = try grammar.stringEnd(bytes, from: at, &breaksLine).end
                    at = try grammar.colonEnd(bytes, from: at, &breaksLine)
                    byte = grammar.token(bytes, at: &at, &breaksLine)
                }
                continue nextValue
            }
            self.nodesLeft = nodesLeft
            self.needsLineRewrite = breaksLine
            self.position = at
            return
        }
    }
}

/// One level of structure at a time, for callers that record what they pass.
extension JSONCursor {
    /// Passes what may stand before the value of a text. Line ends there are outside the value and do not count.
    mutating func startText(_ bytes: Span<UInt8>) throws(JSONError) {
        let first = self.token(bytes)
        self.needsLineRewrite = false
        // RFC 8259 8.1 lets a reader ignore the mark; a reader behind us need not.
        if first == 0xEF { throw self.error(.byteOrderMark) }
    }

    /// Passes what may stand after the value of a text.
    mutating func endText(_ bytes: Span<UInt8>) throws(JSONError) {
        _ = self.token(bytes)
        guard self.position == self.grammar.end else { throw self.error(.trailingBytes) }
    }

    /// Passes the opening byte of a container. False when the container is empty; it has been passed then.
    @inline(__always)
    mutating func enter(_ open: UInt8, _ bytes: Span<UInt8>, depth: Int) throws(JSONError) -> Bool {
        guard self.token(bytes) == open else { throw self.grammar.unexpected(at: self.position) }
        self.nodesLeft &-= 1
        guard self.nodesLeft >= 0 else { throw self.error(.tooManyNodes) }
        guard depth < self.grammar.depthMax else { throw self.error(.tooDeep) }
        self.position &+= 1
        // `}` is `{` + 2 and `]` is `[` + 2.
        guard self.token(bytes) == open &+ 2 else { return true }
        self.position &+= 1
        return false
    }

    /// Passes a comma and answers true, or the closing byte and answers false.
    @inline(__always)
    mutating func continues(_ close: UInt8, _ bytes: Span<UInt8>) throws(JSONError) -> Bool {
        let byte = self.token(bytes)
        guard byte == 0x2C || byte == close else { throw self.grammar.unexpected(at: self.position) }
        self.position &+= 1
        return byte != close
    }

    /// Passes whitespace, a key and its colon. The range lies between the quotes.
    @inline(__always)
    mutating func skipKey(_ bytes: Span<UInt8>) throws(JSONError) -> (key: ByteRange, hasEscapes: Bool) {
        guard self.token(bytes) == 0x22 else { throw self.grammar.unexpected(at: self.position) }
        let start = self.position &+ 1
        let (end, hasEscapes) = try self.grammar.stringEnd(bytes, from: self.position, &self.needsLineRewrite)
        self.position = try self.grammar.colonEnd(bytes, from: end, &self.needsLineRewrite)
        return (ByteRange(start, end &- 1), hasEscapes)
    }

    /// Passes the string at the position.
    @inline(__always)
    mutating func skipString(_ bytes: Span<UInt8>) throws(JSONError) {
        self.nodesLeft &-= 1
        guard self.nodesLeft >= 0 else { throw self.error(.tooManyNodes) }
        self.position = try self.grammar.stringEnd(bytes, from: self.position, &self.needsLineRewrite).end
    }

    /// Adds a member to a table that must not have its key.
    @inline(__always)
    func record(
        _ key: ByteRange, hasEscapes: Bool, value: ByteRange, _ bytes: Span<UInt8>, into members: inout JSONMembers
    ) throws(JSONError) {
        guard key.count <= self.recordedKeyBytesMax else { throw JSONError(.stringTooLong, at: key.lowerBound) }
        guard members.count < self.membersMax else { throw JSONError(.tooManyMembers, at: key.lowerBound) }
        if let reason = members.add(key, hasEscapes: hasEscapes, value: value, in: bytes) {
            throw JSONError(reason, at: key.lowerBound)
        }
    }

    /// Passes the object at the position and adds its members to `members`.
    mutating func recordObject(_ bytes: Span<UInt8>, depth: Int, into members: inout JSONMembers) throws(JSONError) {
        guard try self.enter(0x7B, bytes, depth: depth) else { return }
        // Bound: every round passes at least one byte.
        repeat {
            let (key, hasEscapes) = try self.skipKey(bytes)
            let value = try self.skipMemberValue(bytes, depth: depth)
            try self.record(key, hasEscapes: hasEscapes, value: value, bytes, into: &members)
        } while try self.continues(0x7D, bytes)
    }

    /// The same, and adds the members of the member `inner`, if it is an object, to `innerMembers`.
    mutating func recordObject(
        _ bytes: Span<UInt8>, depth: Int, into members: inout JSONMembers, inner: StaticString,
        into innerMembers: inout JSONMembers
    ) throws(JSONError) {
        guard try self.enter(0x7B, bytes, depth: depth) else { return }
        // Bound: every round passes at least one byte.
        repeat {
            let (key, hasEscapes) = try self.skipKey(bytes)
            let value: ByteRange
            if self.token(bytes) == 0x7B, JSONString.equals(bytes, contents: key, hasEscapes: hasEscapes, inner) {
                let start = self.position
                innerMembers.removeAll()
                try self.recordObject(bytes, depth: depth + 1, into: &innerMembers)
                value = ByteRange(start, self.position)
            } else {
                value = try self.skipMemberValue(bytes, depth: depth)
            }
            // A second member of that name ends the scan here.
            try self.record(key, hasEscapes: hasEscapes, value: value, bytes, into: &members)
        } while try self.continues(0x7D, bytes)
    }

    /// Passes the value of a member of an object around which `depth` containers are open.
    @inline(__always)
    private mutating func skipMemberValue(_ bytes: Span<UInt8>, depth: Int) throws(JSONError) -> ByteRange {
        let first = self.token(bytes)
        let start = self.position
        if first == 0x22 {
            try self.skipString(bytes)
        } else {
            try self.skipValue(bytes, depth: depth + 1)
        }
        return ByteRange(start, self.position)
    }

    /// Passes the array at the position and adds the ranges of its elements to `elements`.
    mutating func recordArray(
        _ bytes: Span<UInt8>, elementsMax: Int, into elements: inout [ByteRange]
    ) throws(JSONError) {
        guard try self.enter(0x5B, bytes, depth: 0) else { return }
        // Bound: every round passes at least one byte.
        repeat {
            _ = self.token(bytes)
            guard elements.count < elementsMax else { throw self.error(.tooManyMembers) }
            let start = self.position
            try self.skipValue(bytes, depth: 1)
            elements.append(ByteRange(start, self.position))
        } while try self.continues(0x5D, bytes)
    }
}
