import Base

/// What the simulator draws from its seed. Every drawing advances the generator by the same steps on every machine.
extension PRNG {
    mutating func between(_ range: ClosedRange<Int>) -> Int { range.lowerBound + self.below(range.count) }

    mutating func flip() -> Bool { self.next() & 1 == 0 }

    mutating func one<Element>(of elements: [Element]) -> Element { elements[self.below(elements.count)] }

    /// Spread over the orders of magnitude between the bounds, so that short and long times are equally likely.
    mutating func interval(_ range: ClosedRange<Interval>) -> Interval {
        var low = Swift.max(1, range.lowerBound.nanoseconds)
        var doublings = 0
        while low <= range.upperBound.nanoseconds / 2 {  // Bound: 63 doublings.
            low *= 2
            doublings += 1
        }
        let base = Swift.max(1, range.lowerBound.nanoseconds) << Int64(self.below(doublings + 1))
        let drawn = base + Int64(self.below(Int(base)))
        return Interval(nanoseconds: Swift.min(drawn, range.upperBound.nanoseconds))
    }

    /// Spread like `interval`.
    mutating func size(_ range: ClosedRange<Int>) -> Int {
        Int(self.interval(.nanoseconds(Int64(range.lowerBound)) ... .nanoseconds(Int64(range.upperBound))).nanoseconds)
    }

    /// True in so many of a thousand draws; draws nothing where it cannot be true, so that a fault that is off costs nothing.
    mutating func permille(_ rate: Int) -> Bool { rate > 0 && self.below(1000) < rate }

    mutating func shuffle<Element>(_ elements: inout [Element]) {
        guard elements.count > 1 else { return }
        for index in stride(from: elements.count - 1, to: 0, by: -1) { elements.swapAt(index, self.below(index + 1)) }
    }

    /// A generator for one actor, so that what one does changes nothing of what another draws.
    mutating func branch() -> PRNG { PRNG(seed: self.next()) }
}
