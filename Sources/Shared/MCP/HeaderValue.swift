public import Base

/// Reading the values of MCP's own HTTP fields (2026-07-28, "standard headers").
///
/// `Mcp-Name` and `Mcp-Param-*` may carry text that is not visible ASCII as `=?base64?` + Base64 of UTF-8 + `?=`. The Base64 must be
/// canonical, so that two spellings never name the same value: a proxy that routes on the field and we must read the same thing.
public enum HeaderValue: Equatable, Sendable {
    /// The bytes of the field, as they are.
    case literal(ByteRange)
    /// What a sentinel stood for: valid UTF-8.
    case decoded([UInt8])
    /// Not visible ASCII, or a sentinel that is not canonical Base64 of UTF-8.
    case malformed

    /// `field` is the value of one field, with or without white space around it.
    public init(_ bytes: Span<UInt8>, _ field: ByteRange) {
        let value = Self.trimmed(bytes, field)
        guard Self.isVisible(bytes, value) else {
            self = .malformed
            return
        }
        guard let payload = Self.sentinelPayload(bytes, value) else {
            self = .literal(value)
            return
        }
        guard let decoded = Self.canonicalBase64(bytes.extracting(payload.range)), Self.isUTF8(decoded) else {
            self = .malformed
            return
        }
        self = .decoded(decoded)
    }

    /// Whether the value is `text`. `bytes` must be what the value was read from.
    public func equals(_ bytes: Span<UInt8>, text: Span<UInt8>) -> Bool {
        switch self {
        case .literal(let range): bytes.extracting(range.range).equals(text)
        case .decoded(let decoded): decoded.span.equals(text)
        case .malformed: false
        }
    }

    /// The range without the optional white space (SP, HTAB) around it (RFC 9110 5.6.3).
    public static func trimmed(_ bytes: Span<UInt8>, _ field: ByteRange) -> ByteRange {
        var start = field.lowerBound
        var end = field.upperBound
        while start < end && Self.isOptionalWhiteSpace(bytes[start]) { start += 1 }
        while end > start && Self.isOptionalWhiteSpace(bytes[end - 1]) { end -= 1 }
        return ByteRange(start, end)
    }

    /// Whether all bytes are printable ASCII, SP or HTAB. Anything else in a field that decides routing is refused.
    static func isVisible(_ bytes: Span<UInt8>, _ range: ByteRange) -> Bool {
        for index in range.range where !(bytes[index] >= 0x20 && bytes[index] <= 0x7E || bytes[index] == 0x09) { return false }
        return true
    }

    private static func isOptionalWhiteSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private static let prefix: StaticString = "=?base64?"
    private static let suffix: StaticString = "?="

    /// What lies between `=?base64?` and `?=`, which must not overlap; nil when the value is a literal.
    private static func sentinelPayload(_ bytes: Span<UInt8>, _ value: ByteRange) -> ByteRange? {
        let prefixCount = Self.prefix.utf8CodeUnitCount
        let suffixCount = Self.suffix.utf8CodeUnitCount
        guard value.count >= prefixCount + suffixCount else { return nil }
        let start = value.lowerBound + prefixCount
        let end = value.upperBound - suffixCount
        guard bytes.extracting(value.lowerBound..<start).equals(Self.prefix),
            bytes.extracting(end..<value.upperBound).equals(Self.suffix)
        else { return nil }
        return ByteRange(start, end)
    }
}

extension HeaderValue {
    /// Decodes Base64 (RFC 4648 4) that is canonical: padded, nothing foreign, unused bits zero.
    static func canonicalBase64(_ text: Span<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        var output: [UInt8] = []
        output.reserveCapacity(text.count / 4 * 3)
        var index = 0
        while index < text.count {  // Bound: the field's length, at most 8 KiB.
            let isLast = index + 4 == text.count
            let padding = !isLast || text[index + 3] != 0x3D ? 0 : text[index + 2] != 0x3D ? 1 : 2
            var bits: UInt32 = 0
            for offset in 0..<(4 - padding) {
                guard let value = Self.base64Value(text[index + offset]) else { return nil }
                bits |= UInt32(value) << UInt32(18 - 6 * offset)
            }
            guard padding == 0 || bits & (padding == 1 ? 0xFF : 0xFFFF) == 0 else { return nil }
            for offset in 0..<(3 - padding) { output.append(UInt8(truncatingIfNeeded: bits >> UInt32(16 - 8 * offset))) }
            index += 4
        }
        return output
    }

    private static func base64Value(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x41...0x5A: byte - 0x41
        case 0x61...0x7A: byte - 0x61 + 26
        case 0x30...0x39: byte - 0x30 + 52
        case 0x2B: 62
        case 0x2F: 63
        default: nil
        }
    }

    private static func isUTF8(_ bytes: [UInt8]) -> Bool { String(validating: bytes, as: UTF8.self) != nil }
}
