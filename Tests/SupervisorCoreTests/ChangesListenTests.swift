import Base
import Testing

@testable import SupervisorCore

@Suite struct ChangesListenTests {
    private static let start = Instant(nanoseconds: 1_000_000_000)

    @Test func `the first acknowledgement has missed nothing, a later one may have`() {
        var listen = ChangesListen()
        let asked = listen.ask(at: Self.start)
        let missed = listen.acknowledged(at: Self.start)
        #expect(asked && !missed && listen.state == .open(since: Self.start))
        let again = listen.ended(at: Self.start)
        #expect(again == Self.start + .milliseconds(500))
        let early = listen.ask(at: Self.start)
        #expect(!early)
        let due = listen.ask(at: Self.start + .milliseconds(500))
        let missedMore = listen.acknowledged(at: Self.start + .seconds(1))
        #expect(due && missedMore && listen.number == 2)
    }

    @Test func `an end that is told twice counts once`() {
        var listen = ChangesListen()
        _ = listen.ask(at: Self.start)
        _ = listen.acknowledged(at: Self.start)
        let first = listen.ended(at: Self.start)
        let second = listen.ended(at: Self.start)
        #expect(first != nil && second == nil)
    }

    @Test func `the wait doubles, and begins anew after a long subscription`() {
        var listen = ChangesListen()
        var now = Self.start
        var waits: [Interval] = []
        for _ in 0..<9 {
            _ = listen.ask(at: now)
            _ = listen.acknowledged(at: now)
            let until = listen.ended(at: now) ?? now
            waits.append(until - now)
            now = until
        }
        #expect(waits.prefix(3) == [.milliseconds(500), .seconds(1), .seconds(2)] && waits.last == .seconds(60))
        _ = listen.ask(at: now)
        _ = listen.acknowledged(at: now)
        let until = listen.ended(at: now + .seconds(60))
        #expect(until == now + .milliseconds(60_500))
    }

    @Test func `a server that refuses is not asked for ever`() {
        var listen = ChangesListen()
        var now = Self.start
        for _ in 0..<4 {
            _ = listen.ask(at: now)
            now = listen.ended(at: now) ?? now
        }
        _ = listen.ask(at: now)
        let again = listen.ended(at: now)
        #expect(again == nil && listen.state == .givenUp)
    }

    @Test func `only the latest id is its own`() {
        var listen = ChangesListen()
        let never = listen.names([UInt8](#""changes-0""#.utf8).span)
        _ = listen.ask(at: Self.start)
        let own = listen.names([UInt8](#""changes-1""#.utf8).span)
        let call = listen.names([UInt8]("1".utf8).span)
        #expect(!never && own && !call)
    }
}
