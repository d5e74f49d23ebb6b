/// Deadlines with a payload each, soonest first. Equal deadlines leave in the order they were added, so replays agree.
///
/// Entries are never moved or removed from the middle: an owner whose deadline moved later leaves the old entry, and answers it
/// with the new deadline when it fires.
@frozen
public struct DeadlineHeap<Payload> {
    @frozen @usableFromInline
    struct Entry {
        @usableFromInline let deadline: Instant
        @usableFromInline let order: UInt64
        @usableFromInline let payload: Payload

        @inlinable
        init(deadline: Instant, order: UInt64, payload: Payload) {
            self.deadline = deadline
            self.order = order
            self.payload = payload
        }

        @inlinable
        func isBefore(_ other: Entry) -> Bool {
            self.deadline == other.deadline ? self.order < other.order : self.deadline < other.deadline
        }
    }

    @usableFromInline var entries: ContiguousArray<Entry> = []
    @usableFromInline var added: UInt64 = 0

    @inlinable public init() {}

    @inlinable public var count: Int { self.entries.count }
    @inlinable public var next: Instant? { self.entries.first?.deadline }

    @inlinable
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
    @inlinable
    public mutating func popDue(at now: Instant) -> Payload? {
        guard let first = self.entries.first, first.deadline <= now else { return nil }
        let last = self.entries.removeLast()
        if !self.entries.isEmpty {
            self.entries[0] = last
            self.siftDown()
        }
        return first.payload
    }

    @inlinable
    mutating func siftDown() {
        var parent = 0
        while true {  // Bound: the height of the heap.
            var smallest = parent
            for child in (parent * 2 + 1)...(parent * 2 + 2)
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
