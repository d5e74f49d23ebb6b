extension Array where Element == UInt8 {
    /// Appends a copy of `bytes`.
    @inlinable
    public mutating func append(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { unsafe self.append(contentsOf: $0) }
    }

    /// Appends a copy of the part of `bytes` that `range` names.
    @inlinable
    public mutating func append(_ bytes: Span<UInt8>, _ range: ByteRange) {
        self.append(bytes.extracting(range.range))
    }

    /// Appends the bytes of a literal.
    @inlinable
    public mutating func append(_ text: StaticString) {
        unsafe self.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends `value` in decimal without going through `String`.
    @inlinable
    public mutating func append(decimal value: UInt64) {
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var first = 20
        var rest = value
        repeat {  // Bound: 20 digits.
            first -= 1
            digits[first] = UInt8(truncatingIfNeeded: rest % 10) + 0x30
            rest /= 10
        } while rest > 0
        self.append(digits.span.extracting(first..<20))
    }

    @inlinable
    public mutating func append(decimal value: Int64) {
        if value < 0 { self.append(0x2D) }
        self.append(decimal: value.magnitude)
    }

    @inlinable
    public init(_ bytes: Span<UInt8>) {
        self.init()
        self.append(bytes)
    }

    @inlinable
    public init(_ bytes: Span<UInt8>, _ range: ByteRange) {
        self.init(bytes.extracting(range.range))
    }

    @inlinable
    public init(_ text: StaticString) {
        self.init()
        self.append(text)
    }
}

extension Span where Element == UInt8 {
    /// Exact byte equality with a literal.
    @inlinable
    public func equals(_ text: StaticString) -> Bool {
        guard self.count == text.utf8CodeUnitCount else { return false }
        for index in self.indices where unsafe self[index] != text.utf8Start[index] { return false }
        return true
    }

    @inlinable
    public func equals(_ other: Span<UInt8>) -> Bool {
        guard self.count == other.count else { return false }
        for index in self.indices where self[index] != other[index] { return false }
        return true
    }

    /// Equality where only ASCII letters are folded. `text` must be lower case. Never folds beyond ASCII: U+212A is not `k`.
    @inlinable
    public func equalsIgnoringASCIICase(_ text: StaticString) -> Bool {
        guard self.count == text.utf8CodeUnitCount else { return false }
        for index in self.indices where unsafe ASCII.lowercased(self[index]) != text.utf8Start[index] { return false }
        return true
    }
}

/// Byte classes of US-ASCII. `Character` and `String` fold and combine in ways that wire formats do not.
public enum ASCII {
    @inlinable public static func lowercased(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }
    @inlinable public static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    /// The value of a hexadecimal digit, or nil.
    @inlinable public static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }

    /// The lower-case hexadecimal digit of a value below 16.
    @inlinable public static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x61 + value - 10 }
}
