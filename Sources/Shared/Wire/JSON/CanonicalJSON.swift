public import Base

/// One text for all texts that mean the same value: members sorted by the bytes of their keys, strings with the fewest escapes,
/// numbers by their exact decimal value. For digests of what a client may serialise anew before it sends it again.
///
/// Not RFC 8785: numbers are not rounded to doubles, so two integers that only differ beyond 2^53 stay two. Nothing but a digest
/// reads the text.
public enum CanonicalJSON {
    /// Wider than the standard ones, because the value is part of a message that was accepted as a whole. Keys that repeat are
    /// refused at every depth: a value with two meanings has no digest.
    private static let limits = JSONLimits(
        depthMax: JSONLimits.depthCeiling, nodesMax: 1 << 24, stringBytesMax: 1 << 30, numberBytesMax: 1 << 16,
        membersMax: 1 << 20, recordedKeyBytesMax: 1 << 16)

    /// Appends the canonical text of the value at `range`.
    public static func append(
        _ bytes: Span<UInt8>, _ range: ByteRange, to output: inout [UInt8]
    ) throws(JSONTextError) {
        Self.append(try JSONValue.parse(bytes, range, limits: Self.limits), to: &output)
    }

    /// The recursion is as deep as the tree, at most `JSONLimits.depthCeiling` for one that was parsed.
    public static func append(_ value: JSONValue, to output: inout [UInt8]) {
        switch value {
        case .null, .bool, .string: value.append(to: &output)
        case .number(let lexeme):
            let text = [UInt8](lexeme.utf8)
            if !Self.append(number: text.span, to: &output) { output.append(contentsOf: text) }
        case .array(let elements):
            output.append(0x5B)
            for (index, element) in elements.enumerated() {
                if index > 0 { output.append(0x2C) }
                Self.append(element, to: &output)
            }
            output.append(0x5D)
        case .object(let members):
            output.append(0x7B)
            let sorted = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            for (index, member) in sorted.enumerated() {
                if index > 0 { output.append(0x2C) }
                output.appendJSON(string: member.key)
                output.append(0x3A)
                Self.append(member.value, to: &output)
            }
            output.append(0x7D)
        }
    }

    /// Appends a number as its significant digits and a power of ten: `1`, `1.0` and `10e-1` are all `1`, `-0` is `0`, `1200` is
    /// `12e2`. False, with nothing appended, for what RFC 8259 6 does not call a number and for exponents of more than 17 digits.
    public static func append(number text: Span<UInt8>, to output: inout [UInt8]) -> Bool {
        guard let number = DecimalNumber(text) else { return false }
        number.append(text, to: &output)
        return true
    }

    /// Whether two texts are numbers of the same value.
    public static func areEqualNumbers(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        var (leftText, rightText): ([UInt8], [UInt8]) = ([], [])
        guard Self.append(number: left, to: &leftText), Self.append(number: right, to: &rightText) else { return false }
        return leftText == rightText
    }

    /// Whether a text is a number without a fraction: `42`, `42.0` and `4.2e1` are.
    public static func isInteger(_ text: Span<UInt8>) -> Bool {
        guard let number = DecimalNumber(text) else { return false }
        return number.isZero || number.exponent >= 0
    }
}

/// Where the significant digits of a number lie in its text, and the power of ten of the last one.
private struct DecimalNumber {
    let isNegative: Bool
    /// From the first to the last digit that is not zero; a point may lie between them. Empty for zero.
    let significant: Range<Int>
    let exponent: Int64

    var isZero: Bool { self.significant.isEmpty }

    init?(_ text: Span<UInt8>) {
        var at = 0
        self.isNegative = text.count > 0 && text[0] == 0x2D
        if self.isNegative { at += 1 }
        let whole = Self.digits(text, &at)
        guard !whole.isEmpty, whole.count == 1 || text[whole.lowerBound] != 0x30 else { return nil }
        var end = whole.upperBound
        if at < text.count, text[at] == 0x2E {
            at += 1
            let fraction = Self.digits(text, &at)
            guard !fraction.isEmpty else { return nil }
            end = fraction.upperBound
        }
        guard let written = Self.exponent(text, &at), at == text.count else { return nil }
        let point = whole.upperBound
        var first = whole.lowerBound
        while first < end, !Self.isSignificant(text[first]) { first += 1 }
        while end > first, !Self.isSignificant(text[end - 1]) { end -= 1 }
        self.significant = first..<end
        // Digits between the point and the last significant one count down, zeros between that one and the point count up.
        self.exponent = written + Int64(end > point ? point + 1 - end : point - end)
    }

    func append(_ text: Span<UInt8>, to output: inout [UInt8]) {
        guard !self.isZero else { return output.append(0x30) }
        if self.isNegative { output.append(0x2D) }
        for index in self.significant where text[index] != 0x2E { output.append(text[index]) }
        guard self.exponent != 0 else { return }
        output.append(0x65)
        output.append(decimal: self.exponent)
    }

    private static func isSignificant(_ byte: UInt8) -> Bool { byte != 0x30 && byte != 0x2E }

    private static func digits(_ text: Span<UInt8>, _ at: inout Int) -> Range<Int> {
        let start = at
        while at < text.count, ASCII.isDigit(text[at]) { at += 1 }
        return start..<at
    }

    /// The value of the exponent at `at`, 0 when there is none, nil when it is malformed or too long.
    private static func exponent(_ text: Span<UInt8>, _ at: inout Int) -> Int64? {
        guard at < text.count, text[at] | 0x20 == 0x65 else { return 0 }
        at += 1
        let isNegative = at < text.count && text[at] == 0x2D
        if at < text.count, text[at] == 0x2B || text[at] == 0x2D { at += 1 }
        let digits = Self.digits(text, &at)
        guard !digits.isEmpty else { return nil }
        var value: Int64 = 0
        var significant = 0
        for index in digits {
            if value != 0 || text[index] != 0x30 { significant += 1 }
            guard significant <= 17 else { return nil }
            value = value * 10 + Int64(text[index] - 0x30)
        }
        return isNegative ? -value : value
    }
}
