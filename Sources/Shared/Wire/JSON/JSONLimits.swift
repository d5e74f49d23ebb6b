/// Bounds of one JSON text. Every one of them holds while the text is scanned, before anything is stored.
public struct JSONLimits: Equatable, Sendable {
    /// Containers inside each other: `[[1]]` has depth 2. At most `depthCeiling`.
    public let depthMax: Int
    /// Values in one text, containers included, keys not.
    public let nodesMax: Int
    /// Bytes between the quotes of one string or key, before unescaping.
    public let stringBytesMax: Int
    /// Bytes of the text of one number.
    public let numberBytesMax: Int
    /// Members of one object whose members are recorded. In other objects `nodesMax` alone counts.
    public let membersMax: Int
    /// Bytes of one key of an object whose members are recorded. Holds the cost of telling keys apart.
    public let recordedKeyBytesMax: Int

    /// The kinds of the open containers are the bits of one `UInt128`.
    public static let depthCeiling = 128

    public init(
        depthMax: Int = 64, nodesMax: Int = 100_000, stringBytesMax: Int = 1 << 20, numberBytesMax: Int = 64,
        membersMax: Int = 1_000, recordedKeyBytesMax: Int = 1_024
    ) {
        precondition(depthMax >= 0 && depthMax <= Self.depthCeiling, "a JSON depth limit above the ceiling")
        self.depthMax = depthMax
        self.nodesMax = nodesMax
        self.stringBytesMax = stringBytesMax
        self.numberBytesMax = numberBytesMax
        self.membersMax = membersMax
        self.recordedKeyBytesMax = recordedKeyBytesMax
    }

    public static let standard = JSONLimits()
}

/// Why and where a text is not acceptable JSON. `offset` counts bytes from the start of the scanned buffer.
public struct JSONError: Error, Equatable, Sendable {
    public enum Reason: Equatable, Sendable, CaseIterable {
        case unexpectedEnd
        case unexpectedByte
        /// Something that starts like `true`, `false` or `null` and is not.
        case badLiteral
        case badNumber
        case badEscape
        /// A `\u` escape of one half of a surrogate pair (RFC 8259 8.2). No UTF-8 text can hold it.
        case loneSurrogate
        /// Overlong, truncated, a surrogate, or above U+10FFFF (RFC 3629 4).
        case badUTF8
        /// A byte below 0x20 inside a string.
        case controlCharacter
        case byteOrderMark
        /// Bytes other than whitespace after the value.
        case trailingBytes
        /// Two keys of one recorded object are equal after unescaping.
        case duplicateKey
        case unterminatedComment
        case tooDeep
        case tooManyNodes
        case tooManyMembers
        case stringTooLong
        case numberTooLong
        /// Offsets would not fit a `ByteRange`.
        case textTooLong

        /// For the text of an error response and for logs.
        public var text: StaticString {
            switch self {
            case .unexpectedEnd: "the text ends inside a value"
            case .unexpectedByte: "unexpected byte"
            case .badLiteral: "unknown literal"
            case .badNumber: "malformed number"
            case .badEscape: "malformed escape"
            case .loneSurrogate: "escape of half a surrogate pair"
            case .badUTF8: "malformed UTF-8"
            case .controlCharacter: "raw control character in a string"
            case .byteOrderMark: "byte order mark"
            case .trailingBytes: "more bytes after the value"
            case .duplicateKey: "duplicate key"
            case .unterminatedComment: "comment without end"
            case .tooDeep: "nested too deeply"
            case .tooManyNodes: "too many values"
            case .tooManyMembers: "too many members in an object"
            case .stringTooLong: "string too long"
            case .numberTooLong: "number too long"
            case .textTooLong: "text too long"
            }
        }
    }

    public let reason: Reason
    public let offset: Int

    public init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }
}
