extension Array where Element == UInt8 {
    /// Appends a copy of `bytes`.
    @inlinable
    public mutating func append(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBytes { unsafe self.append(copying: $0) }
    }

    @inlinable @inline(__always)
    mutating func append(copying bytes: UnsafeRawBufferPointer) {
        self.append(addingCapacity: bytes.count) { unsafe $0.append(copying: bytes) }
    }

    /// Appends a copy of the part of `bytes` that `range` names.
    @inlinable
    public mutating func append(_ bytes: Span<UInt8>, _ range: ByteRange) {
        self.append(bytes.extracting(range.range))
    }

    /// Appends the bytes of a literal.
    @inlinable
    public mutating func append(_ text: StaticString) {
        unsafe self.append(copying: UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends `value` in decimal without going through `String`.
    @inlinable
    public mutating func append(decimal value: UInt64) {
        self.append(addingCapacity: Decimal.digitsMax) { $0.append(decimal: value) }
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

/// For texts of many pieces: the array's capacity is checked once for all of them, and the length of a literal is known where it
/// is copied. Beyond the capacity that was asked for they trap.
extension OutputSpan where Element == UInt8 {
    @inlinable @inline(__always)
    public mutating func append(_ text: StaticString) {
        unsafe self.append(copying: UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    @inlinable @inline(__always)
    public mutating func append(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBytes { unsafe self.append(copying: $0) }
    }

    @inlinable @inline(__always)
    mutating func append(copying bytes: UnsafeRawBufferPointer) {
        unsafe self.withUnsafeMutableBufferPointer { buffer, count in
            precondition(bytes.count <= buffer.count - count, "more bytes than capacity was asked for")
            guard let start = buffer.baseAddress, let source = bytes.baseAddress else { return }
            unsafe UnsafeMutableRawPointer(start + count).copyMemory(from: source, byteCount: bytes.count)
            count += bytes.count
        }
    }

    @inlinable
    public mutating func append(decimal value: UInt64) {
        var first = Decimal.digitsMax
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var rest = value
        repeat {  // Bound: 20 digits.
            first -= 1
            digits[first] = UInt8(truncatingIfNeeded: rest % 10) + 0x30
            rest /= 10
        } while rest > 0
        self.append(digits.span.extracting(first..<Decimal.digitsMax))
    }
}

public enum Decimal {
    /// Digits of the largest `UInt64`.
    public static var digitsMax: Int { 20 }
}

extension Span where Element == UInt8 {
    /// Exact byte equality with a literal.
    public func equals(_ text: StaticString) -> Bool {
        guard self.count == text.utf8CodeUnitCount else { return false }
        return unsafe self.withUnsafeBytes { unsafe Self.areEqual($0, UnsafeRawPointer(text.utf8Start)) }
    }

    public func equals(_ other: Span<UInt8>) -> Bool {
        guard self.count == other.count else { return false }
        return unsafe self.withUnsafeBytes { mine in
            unsafe other.withUnsafeBytes { theirs in
                guard let start = theirs.baseAddress else { return true }
                return unsafe Self.areEqual(mine, start)
            }
        }
    }

    /// Compares as many bytes as `mine` has, eight at a time; the last eight overlap those before.
    @inline(__always)
    private static func areEqual(_ mine: UnsafeRawBufferPointer, _ theirs: UnsafeRawPointer) -> Bool {
        let count = mine.count
        guard count >= 8 else {
            for index in 0..<count where unsafe mine[index] != theirs.load(fromByteOffset: index, as: UInt8.self) { return false }
            return true
        }
        @inline(__always) func areWordsEqual(_ offset: Int) -> Bool {
            unsafe mine.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                == theirs.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        }
        var offset = 0
        while offset < count - 8 {
            guard areWordsEqual(offset) else { return false }
            offset += 8
        }
        return areWordsEqual(count - 8)
    }

    /// Equality where only ASCII letters are folded. `text` must be lower case. Never folds beyond ASCII: U+212A is not `k`.
    public func equalsIgnoringASCIICase(_ text: StaticString) -> Bool {
        guard self.count == text.utf8CodeUnitCount else { return false }
        if self.equals(text) { return true }  // As most senders write it.
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
