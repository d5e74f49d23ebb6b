/// Deadlines with a payload each, soonest first. Equal deadlines leave in the order they were added, so replays agree.
///
/// Entries are never moved or removed from the middle: an owner whose deadline moved later leaves the old entry, and answers it
/// with the new deadline when it fires.
public struct DeadlineHeap<Payload> {
    fileprivate struct Entry {
        let deadline: Instant
        let order: UInt64
        let payload: Payload

        func isBefore(_ other: Entry) -> Bool {
            self.deadline == other.deadline ? self.order < other.order : self.deadline < other.deadline
        }
    }

    private var entries: ContiguousArray<Entry> = []
    private var added: UInt64 = 0

    public init() {}

    public var count: Int { self.entries.count }
    public var next: Instant? { self.entries.first?.deadline }

    public mutating func add(_ payload: Payload, at deadline: Instant) {
        self.added += 1
        self.entries.append(Entry(deadline: deadline, order: self.added, payload: payload))
        var child = self.entries.count - 1
        while child > 0 {  // Bound: the height of the heap.
            let parent = (child - 1) / 2
            guard self.entries[child].isBefore(self.entries[parent]) else { break }
            self.entries.swapAt(child, parent)
            child = parent
        }
    }

    /// Removes and returns the soonest payload whose deadline is not after `now`.
    public mutating func popDue(at now: Instant) -> Payload? {
        guard let first = self.entries.first, first.deadline <= now else { return nil }
        let last = self.entries.removeLast()
        if !self.entries.isEmpty {
            self.entries[0] = last
            self.siftDown()
        }
        return first.payload
    }

    private mutating func siftDown() {
        var parent = 0
        while true {  // Bound: the height of the heap.
            var smallest = parent
            for child in [parent * 2 + 1, parent * 2 + 2]
            where child < self.entries.count && self.entries[child].isBefore(self.entries[smallest]) {
                smallest = child
            }
            guard smallest != parent else { return }
            self.entries.swapAt(parent, smallest)
            parent = smallest
        }
    }
}

extension DeadlineHeap: Sendable where Payload: Sendable {}
extension DeadlineHeap.Entry: Sendable where Payload: Sendable {}
