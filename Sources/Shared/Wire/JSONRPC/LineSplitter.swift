public import Base

/// Cuts a byte stream into lines that end in LF or CRLF. Blank lines are passed over. A line that lies whole inside the fed
/// bytes is named by its range; only what the bytes cut is copied and kept, never more than `lineBytesMax`.
///
///     var position = 0
///     loop: while true {
///         switch splitter.next(in: bytes, from: &position) {
///         case .none: break loop
///         case .inline(let range): ...
///         case .buffered: ... splitter.line ...
///         case .tooLong: ...
///         }
///     }
///
/// How the stream was cut into feeds changes only whether a line is `.inline` or `.buffered`.
public struct LineSplitter: Sendable {
    public enum Line: Equatable, Sendable {
        /// No further line ends in these bytes; `position` is at their end.
        case none
        /// Of the fed bytes.
        case inline(ByteRange)
        /// In `line` until the next call.
        case buffered
        /// A line passed `lineBytesMax`. Reported once; the rest of it is skipped.
        case tooLong
    }

    /// Memory that a buffered line may leave behind for the next one.
    private static let retainedBytesMax = 1 << 20

    /// Bytes of one line without its LF.
    public let lineBytesMax: Int
    /// The line after `.buffered`, otherwise the bytes of the line that has not ended yet.
    public private(set) var line: [UInt8] = []
    private var state: State = .collecting

    private enum State: Equatable, Sendable {
        /// `line` holds what came of the current line.
        case collecting
        /// `line` was given to the caller.
        case delivered
        /// Inside a line that was reported as too long.
        case skipping
    }

    public init(lineBytesMax: Int = 64 << 20) { self.lineBytesMax = lineBytesMax }

    /// True when the stream stands inside a line. At its end this means that the last line was torn.
    public var isInsideLine: Bool {
        switch self.state {
        case .collecting: !self.line.isEmpty
        case .delivered: false
        case .skipping: true
        }
    }

    /// The next line that ends in `bytes`, from `position` on, which moves past its end.
    public mutating func next(in bytes: Span<UInt8>, from position: inout Int) -> Line {
        if self.state == .delivered {
            self.line.removeAll(keepingCapacity: self.line.capacity <= Self.retainedBytesMax)
            self.state = .collecting
        }
        // Bound: every round passes at least one byte.
        while position < bytes.count {
            let start = position
            let end = bytes.first(HTTPByte.lineFeed, in: start..<bytes.count)
            let isEnded = end < bytes.count
            position = isEnded ? end + 1 : end
            if self.state == .skipping {
                if isEnded { self.state = .collecting }
                continue
            }
            guard end - start <= self.lineBytesMax - self.line.count else {
                self.line = []
                self.state = isEnded ? .collecting : .skipping
                return .tooLong
            }
            if !isEnded {
                self.line.append(bytes, ByteRange(start, end))
            } else if self.line.isEmpty {
                let content = end > start && bytes[end - 1] == 0x0D ? end - 1 : end
                if content > start { return .inline(ByteRange(start, content)) }
            } else {
                self.line.append(bytes, ByteRange(start, end))
                if self.line.last == 0x0D { self.line.removeLast() }
                if !self.line.isEmpty {
                    self.state = .delivered
                    return .buffered
                }
            }
        }
        return .none
    }
}
