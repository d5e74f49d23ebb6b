import Base
import Testing

/// A slot map that the test macros may copy a reference of: they copy what they show, which a slot map does not allow.
private final class Map<Element> {
    private var map: SlotMap<Element>

    init(capacity: Int) { self.map = SlotMap(capacity: capacity) }

    var count: Int { self.map.count }
    var isEmpty: Bool { self.map.isEmpty }
    var isFull: Bool { self.map.isFull }
    var keys: [SlotKey] { self.map.keys }
    func insert(_ element: Element) -> SlotKey? { self.map.insert(element) }
    func contains(_ key: SlotKey) -> Bool { self.map.contains(key) }
    func find(_ key: SlotKey) -> Element? { self.map.find(key) }
    @discardableResult func remove(_ key: SlotKey) -> Element? { self.map.remove(key) }
    subscript(key: SlotKey) -> Element {
        get { self.map[key] }
        set { self.map[key] = newValue }
    }
}

@Suite struct SlotMapTests {
    private func insert<Element>(_ element: Element, into map: Map<Element>) throws -> SlotKey {
        let key = map.insert(element)
        return try #require(key)
    }

    @Test func `an element is found by its key until it is removed`() throws {
        let map = Map<String>(capacity: 4)
        let first = try insert("a", into: map)
        let second = try insert("b", into: map)
        #expect(map.count == 2)
        #expect(map[first] == "a")
        #expect(map.find(second) == "b")
        #expect(map.remove(first) == "a")
        #expect(map.find(first) == nil)
        #expect(!map.contains(first))
        #expect(map.remove(first) == nil)
        #expect(map.count == 1)
        #expect(map.keys == [second])
    }

    @Test func `a key never finds the element that took its slot`() throws {
        let map = Map<Int>(capacity: 1)
        var old: [SlotKey] = []
        for value in 0..<100 {
            let key = try insert(value, into: map)
            #expect(key.slot == 0)
            for stale in old { #expect(map.find(stale) == nil) }
            old.append(key)
            #expect(map.remove(key) == value)
        }
        #expect(Set(old).count == 100)
    }

    @Test func `a full map takes nothing more until something leaves`() throws {
        let map = Map<Int>(capacity: 2)
        let key = try insert(1, into: map)
        _ = try insert(2, into: map)
        #expect(map.isFull)
        #expect(map.insert(3) == nil)
        map.remove(key)
        #expect(!map.isFull)
        #expect(map.insert(3) != nil)
        let none = Map<Int>(capacity: 0)
        #expect(none.insert(1) == nil)
        #expect(none.isEmpty && none.isFull)
    }

    @Test func `an element is changed in place`() throws {
        let map = Map<[Int]>(capacity: 2)
        let key = try insert([], into: map)
        map[key].append(1)
        map[key].append(2)
        #expect(map[key] == [1, 2])
    }

    @Test func `an optional element that is nil is still there`() throws {
        let map = Map<Int?>(capacity: 2)
        let key = try insert(nil, into: map)
        #expect(map.contains(key))
        #expect(map.count == 1)
        #expect(map[key] == nil)
        #expect(map.remove(key) == .some(nil))
        #expect(map.count == 0)
    }

    @Test func `keys are listed by slot`() throws {
        let map = Map<Int>(capacity: 10)
        var keys: [SlotKey] = []
        for value in 0..<6 { keys.append(try insert(value, into: map)) }
        map.remove(keys[4])
        map.remove(keys[1])
        #expect(map.keys.map { map[$0] } == [0, 2, 3, 5])
        let reused = try insert(9, into: map)
        #expect(reused.slot == 1)
        #expect(map.keys.map { map[$0] } == [0, 9, 2, 3, 5])
    }

    @Test func `a key survives as a word`() {
        for key in [SlotKey(slot: 0, generation: 1), SlotKey(slot: .max, generation: 2), SlotKey(slot: 3, generation: .max)] {
            #expect(SlotKey(word: key.word) == key)
        }
    }

    @Test func `a key of a slot that never was is not there`() {
        let map = Map<Int>(capacity: 4)
        #expect(!map.contains(SlotKey(slot: 0, generation: 0)))
        #expect(map.find(SlotKey(slot: .max, generation: 1)) == nil)
    }

    @Test func `any mix of inserting and removing agrees with a dictionary`() {
        var random = PRNG(seed: 8)
        let map = Map<Int>(capacity: 20)
        var model: [SlotKey: Int] = [:]
        var known: [SlotKey] = []
        for step in 0..<5_000 {
            if random.chance(1, in: 2) {
                let key = map.insert(step)
                #expect((key == nil) == (model.count == 20))
                if let key {
                    #expect(model[key] == nil)
                    model[key] = step
                    known.append(key)
                }
            } else if !known.isEmpty {
                let key = known[random.below(known.count)]
                #expect(map.remove(key) == model.removeValue(forKey: key))
            }
            #expect(map.count == model.count)
        }
        for key in known { #expect(map.find(key) == model[key]) }
    }

    @Test func `the subscript of a stale key is our bug`() async {
        await #expect(processExitsWith: .failure) {
            let map = Map<Int>(capacity: 1)
            guard let key = map.insert(1) else { return }
            map.remove(key)
            _ = map[key]
        }
    }
}
