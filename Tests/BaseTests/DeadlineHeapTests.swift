import Base
import Testing

@Suite struct DeadlineHeapTests {
    private func at(_ nanoseconds: Int64) -> Instant { Instant(nanoseconds: nanoseconds) }

    @Test func `an empty heap has nothing due`() {
        var heap = DeadlineHeap<Int>()
        #expect(heap.next == nil)
        #expect(heap.count == 0)
        #expect(heap.popDue(at: .distantFuture) == nil)
    }

    @Test func `what is due leaves soonest first and the rest stays`() {
        var heap = DeadlineHeap<String>()
        heap.add("c", at: self.at(30))
        heap.add("a", at: self.at(10))
        heap.add("b", at: self.at(20))
        #expect(heap.next == self.at(10))
        #expect(heap.popDue(at: self.at(9)) == nil)
        #expect(heap.popDue(at: self.at(10)) == "a")
        #expect(heap.popDue(at: self.at(19)) == nil)
        #expect(heap.popDue(at: self.at(100)) == "b")
        #expect(heap.count == 1)
        #expect(heap.popDue(at: self.at(100)) == "c")
        #expect(heap.popDue(at: self.at(100)) == nil)
        #expect(heap.next == nil)
    }

    @Test func `equal deadlines leave in the order they came`() {
        var heap = DeadlineHeap<Int>()
        for payload in 0..<100 { heap.add(payload, at: self.at(Int64(payload % 3))) }
        var left: [Int] = []
        while let payload = heap.popDue(at: .distantFuture) { left.append(payload) }
        #expect(left == (0..<100).sorted { ($0 % 3, $0) < ($1 % 3, $1) })
    }

    @Test func `any mix of adding and popping agrees with a sorted list`() {
        var random = PRNG(seed: 7)
        var heap = DeadlineHeap<Int>()
        var model: [(deadline: Int64, payload: Int)] = []
        for step in 0..<5_000 {
            if random.chance(3, in: 5) {
                let deadline = Int64(random.below(50))
                heap.add(step, at: self.at(deadline))
                model.insert((deadline, step), at: model.firstIndex { $0.deadline > deadline } ?? model.count)
            } else {
                let now = Int64(random.below(60))
                let expected = model.first.flatMap { $0.deadline <= now ? $0.payload : nil }
                if expected != nil { model.removeFirst() }
                #expect(heap.popDue(at: self.at(now)) == expected)
            }
            #expect(heap.count == model.count)
            #expect(heap.next == model.first.map { self.at($0.deadline) })
        }
    }
}
