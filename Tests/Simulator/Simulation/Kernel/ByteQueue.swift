import Base

/// Bytes on their way in one direction: a pipe's or a socket's buffer. Never holds more than `capacity`.
struct ByteQueue {
    private var bytes: [UInt8] = []
    private var head = 0
    let capacity: Int

    init(capacity: Int) { self.capacity = capacity }

    var count: Int { self.bytes.count - self.head }
    var isEmpty: Bool { self.count == 0 }
    var room: Int { self.capacity - self.count }

    /// Takes what fits; returns how much that was.
    mutating func put(_ source: Span<UInt8>) -> Int {
        let count = Swift.min(source.count, self.room)
        guard count > 0 else { return 0 }
        self.bytes.append(source.extracting(0..<count))
        return count
    }

    mutating func take(_ limit: Int) -> [UInt8] {
        let count = Swift.min(limit, self.count)
        let taken = Array(self.bytes[self.head..<(self.head + count)])
        self.head += count
        if self.head == self.bytes.count {
            self.bytes.removeAll(keepingCapacity: true)
            self.head = 0
        } else if self.head > 64 << 10 {
            self.bytes.removeSubrange(0..<self.head)
            self.head = 0
        }
        return taken
    }

    mutating func clear() {
        self.bytes.removeAll()
        self.head = 0
    }
}
