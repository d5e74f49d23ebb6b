import Base
import Testing

@Suite struct QueueTests {
    @Test func `elements leave in the order they came`() {
        var queue = Queue<Int>()
        #expect(queue.isEmpty)
        #expect(queue.first == nil)
        #expect(queue.popFirst() == nil)
        for value in 0..<100 { queue.append(value) }
        #expect(queue.count == 100)
        #expect(queue.first == 0)
        for value in 0..<100 { #expect(queue.popFirst() == value) }
        #expect(queue.isEmpty)
        #expect(queue.popFirst() == nil)
    }

    @Test func `a queue of optionals keeps its nils`() {
        var queue = Queue<Int?>()
        queue.append(nil)
        queue.append(1)
        #expect(queue.count == 2)
        #expect(queue.popFirst() == .some(nil))
        #expect(queue.popFirst() == .some(1))
        #expect(queue.popFirst() == nil)
    }

    @Test func `removal keeps the order of the rest`() {
        var queue = Queue<Int>()
        for value in 0..<10 { queue.append(value) }
        _ = queue.popFirst()
        queue.removeAll { $0.isMultiple(of: 3) }
        var left: [Int] = []
        while let value = queue.popFirst() { left.append(value) }
        #expect(left == [1, 2, 4, 5, 7, 8])
        queue.removeAll { _ in true }
        #expect(queue.isEmpty)
    }

    @Test func `an element is released when it leaves`() {
        final class Payload {}
        var queue = Queue<Payload>()
        weak var observed: Payload?
        do {
            let payload = Payload()
            observed = payload
            queue.append(payload)
        }
        #expect(observed != nil)
        _ = queue.popFirst()
        #expect(observed == nil)
    }

    @Test func `any mix of appending and popping agrees with an array`() {
        var random = PRNG(seed: 9)
        var queue = Queue<Int>()
        var model: [Int] = []
        for step in 0..<20_000 {
            // Growing and shrinking phases, so that the ring wraps and grows while wrapped.
            if random.chance(step / 500 % 2 == 0 ? 3 : 1, in: 4) {
                queue.append(step)
                model.append(step)
            } else {
                let expected = model.isEmpty ? nil : model.removeFirst()
                #expect(queue.popFirst() == expected)
            }
            #expect(queue.count == model.count)
            #expect(queue.first == model.first)
        }
    }
}
