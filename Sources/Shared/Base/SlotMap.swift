/// Names one element of a `SlotMap`. A key of a removed element never finds the element that later took its slot.
@frozen
public struct SlotKey: Hashable, Sendable {
    public let slot: UInt32
    public let generation: UInt32

    @inlinable public init(slot: UInt32, generation: UInt32) {
        self.slot = slot
        self.generation = generation
    }

    /// Both halves in one word, for epoll user data.
    @inlinable public var word: UInt64 { UInt64(self.generation) << 32 | UInt64(self.slot) }
    @inlinable public init(word: UInt64) {
        self.init(slot: UInt32(truncatingIfNeeded: word), generation: UInt32(truncatingIfNeeded: word >> 32))
    }
}

/// Elements in reused slots, found in constant time by a key that carries the slot's generation.
/// Iteration goes by slot, so it is the same in every run. Never holds more than `capacity` elements.
@frozen
public struct SlotMap<Element> {
    @frozen @usableFromInline
    struct Slot {
        @usableFromInline var element: Element?
        @usableFromInline var generation: UInt32
        @inlinable init(element: Element?, generation: UInt32) {
            self.element = element
            self.generation = generation
        }
    }

    @usableFromInline var slots: ContiguousArray<Slot> = []
    @usableFromInline var free: ContiguousArray<UInt32> = []
    public let capacity: Int

    @inlinable public init(capacity: Int) { self.capacity = capacity }

    @inlinable public var count: Int { self.slots.count - self.free.count }
    @inlinable public var isEmpty: Bool { self.count == 0 }
    @inlinable public var isFull: Bool { self.count >= self.capacity }

    /// Returns nil at `capacity`; the caller decides what its limit means.
    @inlinable
    public mutating func insert(_ element: Element) -> SlotKey? {
        if let slot = self.free.popLast() {
            self.slots[Int(slot)].element = element
            return SlotKey(slot: slot, generation: self.slots[Int(slot)].generation)
        }
        guard self.slots.count < self.capacity else { return nil }
        self.slots.append(Slot(element: element, generation: 1))
        return SlotKey(slot: UInt32(self.slots.count - 1), generation: 1)
    }

    @inlinable
    public func contains(_ key: SlotKey) -> Bool {
        Int(key.slot) < self.slots.count && self.slots[Int(key.slot)].generation == key.generation
            && self.slots[Int(key.slot)].element != nil
    }

    /// In-place access to a live element. The key must be live: test with `contains` what comes from outside.
    @inlinable
    public subscript(_ key: SlotKey) -> Element {
        _read {
            precondition(self.contains(key), "stale slot key")
            // swift-format-ignore: NeverForceUnwrap
            yield self.slots[Int(key.slot)].element!
        }
        _modify {
            precondition(self.contains(key), "stale slot key")
            // swift-format-ignore: NeverForceUnwrap
            yield &self.slots[Int(key.slot)].element!
        }
    }

    @inlinable
    public func find(_ key: SlotKey) -> Element? { self.contains(key) ? self.slots[Int(key.slot)].element : nil }

    @inlinable @discardableResult
    public mutating func remove(_ key: SlotKey) -> Element? {
        guard self.contains(key) else { return nil }
        let element = self.slots[Int(key.slot)].element.take()
        self.slots[Int(key.slot)].generation &+= 1
        self.free.append(key.slot)
        return element
    }

    /// Live keys by slot. A copy, so the map may change while it is walked.
    @inlinable
    public var keys: [SlotKey] {
        var keys: [SlotKey] = []
        keys.reserveCapacity(self.count)
        for (index, slot) in self.slots.enumerated() where slot.element != nil {
            keys.append(SlotKey(slot: UInt32(index), generation: slot.generation))
        }
        return keys
    }
}

extension SlotMap: Sendable where Element: Sendable {}
extension SlotMap.Slot: Sendable where Element: Sendable {}
