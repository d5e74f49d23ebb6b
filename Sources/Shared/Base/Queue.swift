/// First in, first out, on a ring that grows by doubling and never shrinks below what its owner's limit allows.
@frozen
public struct Queue<Element> {
    @usableFromInline var ring: ContiguousArray<Element?> = []
    @usableFromInline var head = 0
    @usableFromInline var length = 0

    @inlinable public init() {}
    @inlinable public var count: Int { self.length }
    @inlinable public var isEmpty: Bool { self.length == 0 }

    @inlinable public var first: Element? { self.count == 0 ? nil : self.ring[self.head] }

    @inlinable
    public mutating func append(_ element: Element) {
        if self.count == self.ring.count { self.grow() }
        self.ring[(self.head + self.count) & (self.ring.count - 1)] = element
        self.length += 1
    }

    @inlinable
    public mutating func popFirst() -> Element? {
        guard self.count > 0 else { return nil }
        let element = self.ring[self.head].take()
        self.head = (self.head + 1) & (self.ring.count - 1)
        self.length -= 1
        if self.count == 0 { self.head = 0 }
        return element
    }

    /// Removes every element for which `isRemoved` holds; the rest keep their order.
    @inlinable
    public mutating func removeAll(where isRemoved: (Element) -> Bool) {
        var kept = Self()
        while let element = self.popFirst() {
            if !isRemoved(element) { kept.append(element) }
        }
        self = kept
    }

    @usableFromInline
    mutating func grow() {
        var larger = ContiguousArray<Element?>(repeating: nil, count: Swift.max(8, self.ring.count * 2))
        for index in 0..<self.count { larger[index] = self.ring[(self.head + index) & (self.ring.count - 1)] }
        self.ring = larger
        self.head = 0
    }
}

extension Queue: Sendable where Element: Sendable {}
