/// A half-open range of offsets into some buffer of bytes that the holder knows. Eight bytes, so parsers can return many.
/// Buffers above 2 GiB do not occur: every message has a limit far below.
@frozen
public struct ByteRange: Hashable, Sendable {
    @usableFromInline var start: Int32
    @usableFromInline var end: Int32

    @inlinable public init(_ range: Range<Int>) {
        self.start = Int32(range.lowerBound)
        self.end = Int32(range.upperBound)
    }

    @inlinable public init(_ start: Int, _ end: Int) {
        precondition(start <= end)
        self.start = Int32(start)
        self.end = Int32(end)
    }

    @inlinable public var lowerBound: Int { Int(self.start) }
    @inlinable public var upperBound: Int { Int(self.end) }
    @inlinable public var count: Int { Int(self.end) - Int(self.start) }
    @inlinable public var isEmpty: Bool { self.start == self.end }
    @inlinable public var range: Range<Int> { Int(self.start)..<Int(self.end) }

    /// The same bytes when the buffer is seen from `origin` bytes earlier.
    @inlinable public func shifted(by origin: Int) -> Self { Self(self.lowerBound + origin, self.upperBound + origin) }
}
