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
///
/// The storage is its own, so that a large element is read and changed where it lies: an array of optionals copies the whole element
/// to look at one field, which was a tenth of the time of a call.
@safe
public struct SlotMap<Element>: ~Copyable {
    /// Of the first `used` slots, those with an odd generation hold an element.
    @usableFromInline var elements: UnsafeMutablePointer<Element>
    @usableFromInline var generations: UnsafeMutablePointer<UInt32>
    @usableFromInline var allocated: Int
    @usableFromInline var used = 0
    @usableFromInline var free: ContiguousArray<UInt32> = []
    /// Slots whose generations are used up, after 2^31 elements each. They stay empty, so that no key ever names two elements.
    @usableFromInline var retired = 0
    public let capacity: Int

    public init(capacity: Int) {
        precondition(capacity >= 0 && capacity <= 1 << 30)
        self.capacity = capacity
        self.allocated = Swift.min(Swift.max(capacity, 1), 16)
        unsafe self.elements = .allocate(capacity: self.allocated)
        unsafe self.generations = .allocate(capacity: self.allocated)
    }

    deinit {
        for slot in 0..<self.used where unsafe self.generations[slot] & 1 == 1 {
            unsafe (self.elements + slot).deinitialize(count: 1)
        }
        unsafe self.elements.deallocate()
        unsafe self.generations.deallocate()
    }

    @inlinable public var count: Int { self.used - self.free.count - self.retired }
    @inlinable public var isEmpty: Bool { self.count == 0 }
    @inlinable public var isFull: Bool { self.count >= self.capacity }

    /// Returns nil at `capacity`; the caller decides what its limit means.
    public mutating func insert(_ element: consuming Element) -> SlotKey? {
        let slot: Int
        if let reused = self.free.popLast() {
            slot = Int(reused)
            unsafe self.generations[slot] &+= 1
        } else {
            guard self.used < self.capacity else { return nil }
            if self.used == self.allocated { self.grow() }
            slot = self.used
            unsafe (self.generations + slot).initialize(to: 1)
            self.used += 1
        }
        unsafe (self.elements + slot).initialize(to: element)
        return SlotKey(slot: UInt32(slot), generation: unsafe self.generations[slot])
    }

    @inlinable
    public func contains(_ key: SlotKey) -> Bool {
        unsafe Int(key.slot) < self.used && key.generation & 1 == 1 && self.generations[Int(key.slot)] == key.generation
    }

    /// In-place access to a live element. The key must be live: test with `contains` what comes from outside.
    @inlinable
    public subscript(_ key: SlotKey) -> Element {
        unsafeAddress {
            precondition(self.contains(key), "stale slot key")
            return unsafe UnsafePointer(self.elements + Int(key.slot))
        }
        unsafeMutableAddress {
            precondition(self.contains(key), "stale slot key")
            return unsafe self.elements + Int(key.slot)
        }
    }

    /// A copy of the element, if it is still there.
    @inlinable
    public func find(_ key: SlotKey) -> Element? { self.contains(key) ? self[key] : nil }

    @discardableResult
    public mutating func remove(_ key: SlotKey) -> Element? {
        guard self.contains(key) else { return nil }
        let slot = Int(key.slot)
        unsafe self.generations[slot] &+= 1
        if key.generation == .max { self.retired += 1 } else { self.free.append(key.slot) }
        return unsafe (self.elements + slot).move()
    }

    /// Live keys by slot. A copy, so the map may change while it is walked.
    public var keys: [SlotKey] {
        var keys: [SlotKey] = []
        keys.reserveCapacity(self.count)
        for slot in 0..<self.used where unsafe self.generations[slot] & 1 == 1 {
            keys.append(SlotKey(slot: UInt32(slot), generation: unsafe self.generations[slot]))
        }
        return keys
    }

    private mutating func grow() {
        let larger = Swift.min(self.capacity, self.allocated * 2)
        let elements = UnsafeMutablePointer<Element>.allocate(capacity: larger)
        let generations = UnsafeMutablePointer<UInt32>.allocate(capacity: larger)
        for slot in 0..<self.used where unsafe self.generations[slot] & 1 == 1 {
            unsafe (elements + slot).moveInitialize(from: self.elements + slot, count: 1)
        }
        unsafe generations.moveInitialize(from: self.generations, count: self.used)
        unsafe self.elements.deallocate()
        unsafe self.generations.deallocate()
        unsafe self.elements = elements
        unsafe self.generations = generations
        self.allocated = larger
    }
}

/// `@unchecked` because the compiler cannot see through the pointers: it owns its storage alone and is not copyable, so it may move
/// between threads as its elements may.
extension SlotMap: @unchecked Sendable where Element: Sendable {}
