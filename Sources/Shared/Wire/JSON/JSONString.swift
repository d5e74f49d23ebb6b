public import Base

/// The kind of a JSON value, told by its first byte.
@frozen
public enum JSONKind: Equatable, Sendable {
    case object, array, string, number, `true`, `false`, null
}

/// The kind of the validated value at `range`.
@inlinable
public func jsonKind(_ bytes: Span<UInt8>, _ range: ByteRange) -> JSONKind {
    guard !range.isEmpty else { return .null }
    return switch bytes[range.lowerBound] {
    case 0x7B: .object
    case 0x5B: .array
    case 0x22: .string
    case 0x74: .true
    case 0x66: .false
    case 0x6E: .null
    default: .number
    }
}

/// Reading of validated JSON strings. A range includes the quotes unless said otherwise. Malformed escapes, which the scanner
/// refuses, read as U+FFFD here, so that a caller who forgot to scan gets wrong text and not a trap.
public enum JSONString {
    /// Between the quotes.
    public static func contents(_ range: ByteRange) -> ByteRange {
        range.count < 2
            ? ByteRange(range.lowerBound, range.lowerBound) : ByteRange(range.lowerBound + 1, range.upperBound - 1)
    }

    public static func hasEscapes(_ bytes: Span<UInt8>, _ range: ByteRange) -> Bool {
        let text = bytes.extracting(range.range)
        let last = text.count - ByteWord.size
        guard last >= 0 else {
            for index in text.indices where text[index] == 0x5C { return true }
            return false
        }
        var offset = 0
        while offset < last {
            if ByteWord.matches(ByteWord.load(text, at: offset), 0x5C) != 0 { return true }
            offset += ByteWord.size
        }
        // The last word overlaps the one before.
        return ByteWord.matches(ByteWord.load(text, at: last), 0x5C) != 0
    }

    /// The text as UTF-8.
    public static func unescape(_ bytes: Span<UInt8>, _ range: ByteRange) -> [UInt8] {
        self.unescapedContents(bytes, self.contents(range))
    }

    /// The text for logs and configuration. Wire decisions compare bytes: `String` equality is canonical equivalence.
    public static func string(_ bytes: Span<UInt8>, _ range: ByteRange) -> String {
        // tidy:allow wire-string: for people and for configuration, as the comment above says
        String(decoding: self.unescape(bytes, range), as: UTF8.self)
    }

    /// Whether the text after unescaping is `text`.
    public static func equals(_ bytes: Span<UInt8>, _ range: ByteRange, _ text: StaticString) -> Bool {
        guard range.count >= 2, bytes[range.lowerBound] == 0x22 else { return false }
        let contents = self.contents(range)
        if contents.count == text.utf8CodeUnitCount, ByteWord.matches(bytes, at: contents.lowerBound, text) {
            // A backslash in `text` is one in the unescaped text and can not stand unescaped here.
            return !self.hasEscapes(bytes, contents)
        }
        // Unescaping never makes a text longer.
        return contents.count > text.utf8CodeUnitCount && self.unescapedEquals(bytes, contents, text)
    }

    /// Whether the text between the quotes at `contents` is `text` after unescaping, for a caller that knows whether it has escapes.
    @inline(__always)
    static func equals(_ bytes: Span<UInt8>, contents: ByteRange, hasEscapes: Bool, _ text: StaticString) -> Bool {
        if hasEscapes { return self.unescapedEquals(bytes, contents, text) }
        guard contents.count == text.utf8CodeUnitCount, contents.upperBound <= bytes.count else { return false }
        return ByteWord.matches(bytes, at: contents.lowerBound, text)
    }

    /// Whether the text between the quotes at `contents` is `text` after unescaping.
    static func unescapedEquals(_ bytes: Span<UInt8>, _ contents: ByteRange, _ text: StaticString) -> Bool {
        // An escape is at most six times as long as what it stands for.
        guard contents.count <= text.utf8CodeUnitCount * 6, self.hasEscapes(bytes, contents) else { return false }
        return self.unescapedContents(bytes, contents).span.equals(text)
    }

    static func unescapedContents(_ bytes: Span<UInt8>, _ contents: ByteRange) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(contents.count)
        self.appendUnescapedContents(bytes, contents, to: &output)
        return output
    }

    private static func appendUnescapedContents(_ bytes: Span<UInt8>, _ contents: ByteRange, to output: inout [UInt8]) {
        var offset = contents.lowerBound
        let end = contents.upperBound
        var copied = offset
        // Bound: every round passes at least one byte.
        while offset < end {
            guard bytes[offset] == 0x5C else {
                offset += 1
                continue
            }
            output.append(bytes, ByteRange(copied, offset))
            offset += self.appendEscape(bytes, at: offset, end: end, to: &output)
            copied = offset
        }
        output.append(bytes, ByteRange(copied, end))
    }

    /// Appends what the escape at `offset` stands for and returns its length.
    private static func appendEscape(_ bytes: Span<UInt8>, at offset: Int, end: Int, to output: inout [UInt8]) -> Int {
        guard end - offset >= 2 else {
            UTF8Sequence.append(UTF8Sequence.replacement, to: &output)
            return end - offset
        }
        switch bytes[offset + 1] {
        case 0x22, 0x5C, 0x2F: output.append(bytes[offset + 1])
        case 0x62: output.append(0x08)
        case 0x66: output.append(0x0C)
        case 0x6E: output.append(0x0A)
        case 0x72: output.append(0x0D)
        case 0x74: output.append(0x09)
        case 0x75: return self.appendUnicodeEscape(bytes, at: offset, end: end, to: &output)
        default: UTF8Sequence.append(UTF8Sequence.replacement, to: &output)
        }
        return 2
    }

    private static func appendUnicodeEscape(_ bytes: Span<UInt8>, at offset: Int, end: Int, to output: inout [UInt8]) -> Int {
        guard end - offset >= 6, let unit = self.hexUnit(bytes, at: offset + 2) else {
            UTF8Sequence.append(UTF8Sequence.replacement, to: &output)
            return 2
        }
        guard unit & 0xF800 == 0xD800 else {
            UTF8Sequence.append(unit, to: &output)
            return 6
        }
        guard unit < 0xDC00, end - offset >= 12, bytes[offset + 6] == 0x5C, bytes[offset + 7] == 0x75,
            let low = self.hexUnit(bytes, at: offset + 8), low & 0xFC00 == 0xDC00
        else {
            UTF8Sequence.append(UTF8Sequence.replacement, to: &output)
            return 6
        }
        UTF8Sequence.append(0x1_0000 + (unit & 0x3FF) << 10 + (low & 0x3FF), to: &output)
        return 12
    }

    /// The value of the four hexadecimal digits at `offset`, which exist.
    static func hexUnit(_ bytes: Span<UInt8>, at offset: Int) -> UInt32? {
        var unit: UInt32 = 0
        for index in 0..<4 {
            guard let digit = ASCII.hexValue(bytes[offset + index]) else { return nil }
            unit = unit << 4 | UInt32(digit)
        }
        return unit
    }
}

/// Reading of validated JSON numbers.
public enum JSONNumber {
    /// The exact value, or nil for a fraction, an exponent, anything outside `Int64` and anything that is no number.
    public static func int64(_ bytes: Span<UInt8>, _ range: ByteRange) -> Int64? {
        guard !range.isEmpty else { return nil }
        let isNegative = bytes[range.lowerBound] == 0x2D
        let start = range.lowerBound + (isNegative ? 1 : 0)
        guard start < range.upperBound else { return nil }
        if range.upperBound - start <= 18 { return self.short(bytes, start..<range.upperBound, isNegative) }
        var value: Int64 = 0
        for offset in start..<range.upperBound {
            guard ASCII.isDigit(bytes[offset]) else { return nil }
            let digit = Int64(bytes[offset] - 0x30)
            // Towards the negative side, which is the longer one.
            let (product, productOverflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, sumOverflow) = product.subtractingReportingOverflow(digit)
            guard !productOverflow, !sumOverflow else { return nil }
            value = sum
        }
        if isNegative { return value }
        let (positive, overflow) = Int64(0).subtractingReportingOverflow(value)
        return overflow ? nil : positive
    }

    /// At most 18 digits, which can not overflow.
    @inline(__always)
    private static func short(_ bytes: Span<UInt8>, _ digits: Range<Int>, _ isNegative: Bool) -> Int64? {
        var value: Int64 = 0
        for offset in digits {
            let digit = bytes[offset] &- 0x30
            guard digit <= 9 else { return nil }
            value = value &* 10 &+ Int64(digit)
        }
        return isNegative ? 0 &- value : value
    }

    /// The nearest double, or nil when it is not finite (`1e400`) or the range holds no JSON number.
    public static func double(_ bytes: Span<UInt8>, _ range: ByteRange) -> Double? {
        // `Double(_:)` also reads "nan", "infinity" and hexadecimal, so only the alphabet of JSON numbers reaches it.
        for offset in range.range {
            switch bytes[offset] {
            case 0x30...0x39, 0x2B, 0x2D, 0x2E, 0x45, 0x65: break
            default: return nil
            }
        }
        // tidy:allow wire-string: the bytes were checked against the grammar of numbers above
        guard let value = Double(String(decoding: [UInt8](bytes, range), as: UTF8.self)), value.isFinite else { return nil }
        return value
    }
}
