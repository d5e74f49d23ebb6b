import Base
import Testing

@testable import SupervisorCore

@Suite struct ChangesListenTests {
    private static let start = Instant(nanoseconds: 1_000_000_000)
    private static let first = SubscriptionKey(slot: 1, generation: 1)
    private static let second = SubscriptionKey(slot: 2, generation: 1)

    private static func begun(_ lists: ListKinds = .tools) -> ChangesListen {
        var listen = ChangesListen()
        listen.begin(lists)
        return listen
    }

    /// Asked and acknowledged.
    private static func opened(_ resources: [SubscriptionKey] = []) -> ChangesListen {
        var listen = Self.begun()
        for resource in resources { listen.want(resource) }
        _ = listen.next(at: Self.start)
        _ = listen.acknowledged(1, at: Self.start)
        return listen
    }

    @Test func `the first acknowledgement has missed nothing, one after an end may have`() {
        var listen = Self.begun()
        let asked = listen.next(at: Self.start)
        #expect(asked == .ask(.init(number: 1, lists: .tools, resources: [])))
        let news = listen.acknowledged(1, at: Self.start)
        #expect(news == .init(old: nil, hasMissed: false, subscribed: [], left: [], kept: []))
        let end = listen.ended(1, at: Self.start)
        #expect(end == .init(refused: [], left: [], isGivenUp: false))
        #expect(listen.wakeAt == Self.start + .milliseconds(500))
        let early = listen.next(at: Self.start)
        #expect(early == .nothing)
        let due = listen.next(at: Self.start + .milliseconds(500))
        #expect(due == .ask(.init(number: 2, lists: .tools, resources: [])))
        let later = listen.acknowledged(2, at: Self.start + .seconds(1))
        #expect(later?.hasMissed == true && later?.old == nil)
    }

    @Test func `who has nothing to hear asks nothing`() {
        var early = ChangesListen()
        early.want(Self.first)
        let beforeReady = early.next(at: Self.start)
        var listen = Self.begun([])
        let step = listen.next(at: Self.start)
        #expect(beforeReady == .nothing && step == .nothing && listen.wakeAt == nil)
    }

    @Test func `what is wanted opens another subscription, and its acknowledgement ends the old one`() {
        var listen = Self.opened()
        listen.want(Self.first)
        let step = listen.next(at: Self.start)
        #expect(step == .ask(.init(number: 2, lists: .tools, resources: [Self.first])))
        listen.want(Self.second)
        let whileAsked = listen.next(at: Self.start)
        #expect(whileAsked == .nothing, "one at a time")
        let news = listen.acknowledged(2, at: Self.start)
        #expect(news == .init(old: 1, hasMissed: false, subscribed: [Self.first], left: [], kept: []))
        let old = listen.ended(1, at: Self.start)
        #expect(old == nil, "it answers our cancellation")
        let next = listen.next(at: Self.start)
        #expect(next == .ask(.init(number: 3, lists: .tools, resources: [Self.first, Self.second])))
        let last = listen.acknowledged(3, at: Self.start)
        #expect(last == .init(old: 2, hasMissed: false, subscribed: [Self.second], left: [], kept: [Self.first]))
        let settled = listen.next(at: Self.start)
        #expect(settled == .nothing)
    }

    @Test func `what is not wanted any more is left with the next acknowledgement`() {
        var listen = Self.opened([Self.first, Self.second])
        listen.unwant(Self.first)
        let step = listen.next(at: Self.start)
        #expect(step == .ask(.init(number: 2, lists: .tools, resources: [Self.second])))
        listen.unwant(Self.second)
        let news = listen.acknowledged(2, at: Self.start)
        #expect(news == .init(old: 1, hasMissed: false, subscribed: [], left: [Self.first], kept: []))
        _ = listen.next(at: Self.start)
        let last = listen.acknowledged(3, at: Self.start)
        #expect(last?.left == [Self.second] && last?.old == 2)
    }

    @Test func `without anything left it is only ended`() {
        var listen = Self.begun([])
        listen.want(Self.first)
        _ = listen.next(at: Self.start)
        _ = listen.acknowledged(1, at: Self.start)
        listen.unwant(Self.first)
        let step = listen.next(at: Self.start)
        #expect(step == .end(1, left: [Self.first]))
        let after = listen.next(at: Self.start)
        #expect(after == .nothing && listen.open == nil)
    }

    @Test func `a refused addition leaves what is open alone`() {
        var listen = Self.opened([Self.first])
        listen.want(Self.second)
        _ = listen.next(at: Self.start)
        let end = listen.ended(2, at: Self.start)
        #expect(end == .init(refused: [Self.second], left: [], isGivenUp: false))
        let step = listen.next(at: Self.start)
        #expect(step == .nothing && listen.open?.number == 1)
    }

    @Test func `a resource that is left out of an acknowledgement is not asked for again`() {
        var listen = Self.opened([Self.first])
        listen.refused(Self.first)
        let step = listen.next(at: Self.start)
        #expect(step == .nothing && listen.open?.resources == [])
    }

    @Test func `an end that is told twice counts once`() {
        var listen = Self.opened()
        let first = listen.ended(1, at: Self.start)
        let second = listen.ended(1, at: Self.start)
        #expect(first != nil && second == nil)
    }

    @Test func `the wait doubles, and begins anew after a long subscription`() {
        var listen = Self.begun()
        var now = Self.start
        var waits: [Interval] = []
        for number in 1...9 as ClosedRange<UInt64> {
            _ = listen.next(at: now)
            _ = listen.acknowledged(number, at: now)
            _ = listen.ended(number, at: now)
            let until = listen.wakeAt ?? now
            waits.append(until - now)
            now = until
        }
        #expect(waits.prefix(3) == [.milliseconds(500), .seconds(1), .seconds(2)] && waits.last == .seconds(60))
        _ = listen.next(at: now)
        _ = listen.acknowledged(10, at: now)
        _ = listen.ended(10, at: now + .seconds(60))
        #expect(listen.wakeAt == now + .milliseconds(60_500))
    }

    @Test func `a server that refuses is not asked for ever, but once more for each resource`() {
        var listen = Self.begun()
        var now = Self.start
        var end: ChangesListen.Ended?
        for number in 1...5 as ClosedRange<UInt64> {
            _ = listen.next(at: now)
            end = listen.ended(number, at: now)
            now = listen.wakeAt ?? now
        }
        let step = listen.next(at: now + .seconds(1_000))
        #expect(end?.isGivenUp == true && step == .nothing && listen.wakeAt == nil)
        listen.want(Self.first)
        let again = listen.next(at: now)
        #expect(again == .ask(.init(number: 6, lists: .tools, resources: [Self.first])))
    }

    @Test func `a missing acknowledgement is not waited for too long`() {
        var listen = Self.begun()
        _ = listen.next(at: Self.start)
        let due = Self.start + ChangesListen.patience
        #expect(listen.wakeAt == due && listen.overdue(at: Self.start) == nil && listen.overdue(at: due) == 1)
        _ = listen.ended(1, at: due)
        let late = listen.acknowledged(1, at: due)
        #expect(late == nil)
    }

    @Test(
        arguments: [
            (#""changes-1""#, 1), (#""changes-2""#, nil), (#""changes-0""#, nil), (#""changes-01""#, nil), (#""changes-""#, nil),
            ("1", nil), (#""changes-99999999999999999999""#, nil), (#""changes-1 ""#, nil), (#""change1-1""#, nil),
        ] as [(String, UInt64?)])
    func `only ids that were used are its own`(id: String, number: UInt64?) {
        let listen = Self.opened()
        #expect(listen.number([UInt8](id.utf8).span) == number)
    }
}
