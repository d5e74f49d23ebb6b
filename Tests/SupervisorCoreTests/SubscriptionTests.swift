import Base
import Testing

@testable import SupervisorCore

@Suite struct SubscriptionTests {
    private static func waiter(_ number: UInt32) -> Subscription.Waiter {
        .init(call: CallKey(slot: number, generation: 1), subscriber: .session(SessionKey(slot: number, generation: 1)))
    }

    private static let no = [UInt8](#"{"code":-1}"#.utf8)

    /// Collects the actions of one event.
    private static func run(_ event: (inout [Subscription.Action]) -> Void) -> [Subscription.Action] {
        var actions: [Subscription.Action] = []
        event(&actions)
        return actions
    }

    @Test func `the first subscriber asks every ready worker, and the first yes is enough`() {
        var it = Subscription(definition: 0, uri: [1])
        #expect(
            Self.run { it.joined(Self.waiter(1), live: [0, 3], into: &$0) } == [.subscribe(server: 0), .subscribe(server: 3)])
        #expect(it.subscribers.isEmpty && it.isWanted)
        #expect(Self.run { it.answered(0, error: Self.no, live: [0, 3], into: &$0) } == [])
        #expect(Self.run { it.answered(3, error: nil, live: [0, 3], into: &$0) } == [.accepted(Self.waiter(1))])
        #expect(it.subscribers == [Self.waiter(1).subscriber] && it.state(of: 0) == .refused && it.state(of: 3) == .subscribed)
    }

    @Test func `a second subscriber needs no worker`() {
        var it = Subscription(definition: 0, uri: [1])
        _ = Self.run { it.joined(Self.waiter(1), live: [0], into: &$0) }
        _ = Self.run { it.answered(0, error: nil, live: [0], into: &$0) }
        #expect(Self.run { it.joined(Self.waiter(2), live: [0], into: &$0) } == [.accepted(Self.waiter(2))])
        #expect(Self.run { it.joined(Self.waiter(2), live: [0], into: &$0) } == [.accepted(Self.waiter(2))])
        #expect(it.subscribers.count == 2)
    }

    @Test func `a refusal goes to everybody who waits, and nobody is subscribed`() {
        var it = Subscription(definition: 0, uri: [1])
        _ = Self.run { it.joined(Self.waiter(1), live: [0], into: &$0) }
        #expect(Self.run { it.joined(Self.waiter(2), live: [0], into: &$0) } == [])
        #expect(
            Self.run { it.answered(0, error: Self.no, live: [0], into: &$0) } == [
                .refused(Self.waiter(1)), .refused(Self.waiter(2)),
            ])
        #expect(it.isOver && it.refusal == Self.no)
        #expect(
            Self.run { it.joined(Self.waiter(3), live: [0], into: &$0) } == [.subscribe(server: 0)], "somebody new asks again")
    }

    @Test func `the end waits for the answer to the beginning, and the next beginning for the end`() {
        var it = Subscription(definition: 0, uri: [1])
        _ = Self.run { it.joined(Self.waiter(1), live: [0], into: &$0) }
        #expect(Self.run { it.gaveUp(Self.waiter(1).call, live: [0], into: &$0) } == [] && !it.isOver)
        #expect(Self.run { it.answered(0, error: nil, live: [0], into: &$0) } == [.unsubscribe(server: 0)])
        #expect(Self.run { it.joined(Self.waiter(2), live: [0], into: &$0) } == [] && it.state(of: 0) == .leaving)
        #expect(Self.run { it.answered(0, error: nil, live: [0], into: &$0) } == [.subscribe(server: 0)])
        #expect(Self.run { it.answered(0, error: nil, live: [0], into: &$0) } == [.accepted(Self.waiter(2))])
    }

    @Test func `only the last who leaves ends it`() {
        var it = Subscription(definition: 0, uri: [1])
        _ = Self.run { it.joined(Self.waiter(1), live: [0], into: &$0) }
        _ = Self.run { it.answered(0, error: nil, live: [0], into: &$0) }
        _ = Self.run { it.joined(Self.waiter(2), live: [0], into: &$0) }
        #expect(Self.run { it.left(Self.waiter(1).subscriber, live: [0], into: &$0) } == [])
        #expect(Self.run { it.left(Self.waiter(2).subscriber, live: [0], into: &$0) } == [.unsubscribe(server: 0)])
        #expect(!it.isOver)
        #expect(Self.run { it.answered(0, error: Self.no, live: [0], into: &$0) } == [] && it.isOver)
    }

    @Test func `a replacement is told again, and a new worker for the first time`() {
        var it = Subscription(definition: 0, uri: [1])
        _ = Self.run { it.joined(Self.waiter(1), live: [0], into: &$0) }
        _ = Self.run { it.answered(0, error: nil, live: [0], into: &$0) }
        it.workerLost(0)
        #expect(it.state(of: 0) == .lost)
        #expect(Self.run { it.workerReady(0, into: &$0) } == [.subscribe(server: 0)] && it.state(of: 0) == .returning)
        #expect(Self.run { it.answered(0, error: nil, live: [0], into: &$0) } == [.restored])
        #expect(Self.run { it.workerReady(5, into: &$0) } == [.subscribe(server: 5)])
        #expect(Self.run { it.answered(5, error: nil, live: [0, 5], into: &$0) } == [])
        #expect(Self.run { it.left(Self.waiter(1).subscriber, live: [0], into: &$0) } == [.unsubscribe(server: 0)])
        it.workerLost(5)
        #expect(it.state(of: 5) == nil)
    }

    @Test func `who waits when the worker dies waits for the next, or is told that there is none`() {
        var it = Subscription(definition: 0, uri: [1])
        _ = Self.run { it.joined(Self.waiter(1), live: [0], into: &$0) }
        it.workerLost(0)
        #expect(Self.run { it.workerReady(0, into: &$0) } == [.subscribe(server: 0)])
        it.workerLost(0)
        #expect(Self.run { it.workersGone(Self.no, into: &$0) } == [.refused(Self.waiter(1))] && it.isOver)
    }

    @Test func `answers that nobody waits for change nothing`() {
        var it = Subscription(definition: 0, uri: [1])
        #expect(Self.run { it.answered(0, error: nil, live: [0], into: &$0) } == [])
        _ = Self.run { it.joined(Self.waiter(1), live: [0], into: &$0) }
        _ = Self.run { it.answered(0, error: nil, live: [0], into: &$0) }
        let before = it
        #expect(Self.run { it.answered(0, error: Self.no, live: [0], into: &$0) } == [] && it == before)
        it.workerLost(7)
        #expect(it == before)
    }

    // MARK: Table

    private static func table(_ uris: [String]) -> SubscriptionTable {
        var table = SubscriptionTable(definitions: 2, perServerMax: 4)
        for (index, uri) in uris.enumerated() {
            guard let key = table.make(0, [UInt8](uri.utf8)) else { continue }
            var actions: [Subscription.Action] = []
            table[key].joined(Self.waiter(UInt32(index)), live: [0], into: &actions)
            table[key].answered(0, error: nil, live: [0], into: &actions)
        }
        return table
    }

    @Test(arguments: [
        ("a:/x", [0]), ("a:/x/y", [1]), ("a:/x/z", [0]), ("a:/x/y/z", [1]), ("a:/xy", [0, 1, 2]), ("b:/", [2]), ("b:/q", [2]),
        ("a:/x?k=1", [0]), ("a:/x#f", [0]), ("elsewhere:", [0, 1, 2]), ("", [0, 1, 2]),
    ])
    func `a change is told to those who named it, else the longest path above it, else everybody`(uri: String, told: [UInt32]) {
        let table = Self.table(["a:/x", "a:/x/y", "b:/"])
        #expect(table.subscribers(0, to: [UInt8](uri.utf8)) == told.map { Self.waiter($0).subscriber })
        #expect(table.subscribers(1, to: [UInt8](uri.utf8)).isEmpty, "another server's are not meant")
    }

    @Test func `a server has so many and no more`() {
        var table = Self.table(["1", "2", "3", "4", "5"])
        #expect(table.count == 4)
        let other = table.make(1, [0x35])
        let again = table.make(0, [0x31])
        #expect(other != nil && again != nil)
        if let other { table.removeIfOver(other) }
        if let again { table.removeIfOver(again) }
        #expect(table.count == 4)
    }
}
