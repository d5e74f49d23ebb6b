public import Base

/// Why and where a configuration text is not acceptable.
public struct JSONTextError: Error, Equatable, Sendable, CustomStringConvertible {
    public let reason: JSONError.Reason
    /// From 1.
    public let line: Int
    /// In Unicode scalars, from 1.
    public let column: Int

    init(_ error: JSONError, in bytes: Span<UInt8>) {
        var line = 1
        var column = 1
        for offset in 0..<Swift.min(error.offset, bytes.count) {
            if bytes[offset] == 0x0A {
                line += 1
                column = 1
            } else if bytes[offset] & 0xC0 != 0x80 {
                column += 1
            }
        }
        self.reason = error.reason
        self.line = line
        self.column = column
    }

    public var description: String { "line \(self.line), column \(self.column): \(self.reason.text)" }
}

extension JSONValue {
    /// The tree of a JSON text. With `allowingCommentsAndTrailingCommas`, `//` and `/* */` comments count as whitespace, and
    /// one comma may follow the last element or member. Duplicate keys are refused everywhere.
    public static func parse(
        _ bytes: Span<UInt8>, allowingCommentsAndTrailingCommas: Bool = false, limits: JSONLimits = .standard
    ) throws(JSONTextError) -> JSONValue {
        var text = [UInt8](bytes)
        do throws(JSONError) {
            if allowingCommentsAndTrailingCommas { try JSONComments.blank(&text) }
            var builder = JSONTreeBuilder(limits: limits)
            return try builder.build(text.span)
        } catch {
            throw JSONTextError(error, in: bytes)
        }
    }

    public static func parse(
        _ bytes: [UInt8], allowingCommentsAndTrailingCommas: Bool = false, limits: JSONLimits = .standard
    ) throws(JSONTextError) -> JSONValue {
        try self.parse(
            bytes.span, allowingCommentsAndTrailingCommas: allowingCommentsAndTrailingCommas, limits: limits)
    }

    /// The tree of one value that lies inside a larger buffer.
    public static func parse(
        _ bytes: Span<UInt8>, _ range: ByteRange, limits: JSONLimits = .standard
    ) throws(JSONTextError) -> JSONValue {
        try self.parse(bytes.extracting(range.range), limits: limits)
    }
}

/// Turns what JSON does not have into spaces, so that offsets stay and the strict grammar judges the rest.
enum JSONComments {
    static func blank(_ text: inout [UInt8]) throws(JSONError) {
        var offset = 0
        /// The last byte that is neither whitespace nor comment.
        var previous: UInt8 = 0
        /// A comma that follows a value, until something other than whitespace and comments follows it.
        var comma: Int?
        // Bound: every round passes at least one byte.
        while offset < text.count {
            let byte = text[offset]
            switch byte {
            case 0x20, 0x09, 0x0A, 0x0D:
                offset += 1
                continue
            case 0x2F where offset + 1 < text.count && (text[offset + 1] == 0x2F || text[offset + 1] == 0x2A):
                offset = try self.blankComment(&text, at: offset)
                continue
            case 0x22:
                offset = self.stringEnd(text, at: offset)
            case 0x7D, 0x5D:
                if let trailing = comma { text[trailing] = 0x20 }
                offset += 1
            default:
                offset += 1
            }
            comma = nil
            // A comma without a value before it stays, for the grammar to refuse.
            if byte == 0x2C, previous != 0x2C, previous != 0x5B, previous != 0x7B, previous != 0x3A, previous != 0 {
                comma = offset - 1
            }
            previous = byte
        }
    }

    /// Blanks the comment at `start` and returns its end. Line ends stay, for the positions of errors.
    private static func blankComment(_ text: inout [UInt8], at start: Int) throws(JSONError) -> Int {
        let isBlock = text[start + 1] == 0x2A
        var offset = start + 2
        var isClosed = !isBlock
        while offset < text.count {
            if isBlock ? text[offset] == 0x2A && offset + 1 < text.count && text[offset + 1] == 0x2F : text[offset] == 0x0A {
                isClosed = true
                offset += isBlock ? 2 : 0
                break
            }
            offset += 1
        }
        guard isClosed else { throw JSONError(.unterminatedComment, at: start) }
        for index in start..<offset where text[index] != 0x0A { text[index] = 0x20 }
        return offset
    }

    private static func stringEnd(_ text: [UInt8], at start: Int) -> Int {
        var offset = start + 1
        while offset < text.count {
            switch text[offset] {
            case 0x22: return offset + 1
            case 0x5C: offset += 2
            default: offset += 1
            }
        }
        return text.count
    }
}

/// Builds the tree by letting the scanner record every object and array. The recursion is bounded by `depthMax`.
struct JSONTreeBuilder {
    private let limits: JSONLimits

    init(limits: JSONLimits) { self.limits = limits }

    mutating func build(_ bytes: Span<UInt8>) throws(JSONError) -> JSONValue {
        var cursor = try JSONCursor(bytes, range: 0..<bytes.count, limits: self.limits)
        try cursor.startText(bytes)
        let value = try self.value(bytes, &cursor, depth: 0)
        try cursor.endText(bytes)
        return value
    }

    private func value(_ bytes: Span<UInt8>, _ cursor: inout JSONCursor, depth: Int) throws(JSONError) -> JSONValue {
        switch cursor.token(bytes) {
        case 0x7B: return .object(try self.members(bytes, &cursor, depth: depth))
        case 0x5B: return .array(try self.elements(bytes, &cursor, depth: depth))
        default: break
        }
        let start = cursor.position
        try cursor.skipValue(bytes, depth: depth)
        let range = ByteRange(start, cursor.position)
        return switch jsonKind(bytes, range) {
        case .string: .string(JSONString.string(bytes, range))
        case .true: .bool(true)
        case .false: .bool(false)
        case .null: .null
        // tidy:allow wire-string: the lexeme of a number is ASCII
        case .number, .object, .array: .number(lexeme: String(decoding: [UInt8](bytes, range), as: UTF8.self))
        }
    }

    private func members(
        _ bytes: Span<UInt8>, _ cursor: inout JSONCursor, depth: Int
    ) throws(JSONError) -> [JSONValue.Member] {
        guard try cursor.enter(0x7B, bytes, depth: depth) else { return [] }
        var table = JSONMembers()
        var members: [JSONValue.Member] = []
        repeat {
            let (key, hasEscapes) = try cursor.skipKey(bytes)
            try cursor.record(
                key, hasEscapes: hasEscapes, value: ByteRange(cursor.position, cursor.position), bytes, into: &table)
            let text = JSONString.string(bytes, ByteRange(key.lowerBound - 1, key.upperBound + 1))
            members.append(JSONValue.Member(text, try self.value(bytes, &cursor, depth: depth + 1)))
        } while try cursor.continues(0x7D, bytes)
        return members
    }

    private func elements(_ bytes: Span<UInt8>, _ cursor: inout JSONCursor, depth: Int) throws(JSONError) -> [JSONValue] {
        guard try cursor.enter(0x5B, bytes, depth: depth) else { return [] }
        var elements: [JSONValue] = []
        repeat {
            elements.append(try self.value(bytes, &cursor, depth: depth + 1))
        } while try cursor.continues(0x5D, bytes)
        return elements
    }
}
