import Base
import Testing

@testable import SupervisorCore

/// The small tables that the machine keeps its promises with.
@Suite struct SupervisorTablesTests {
    // By reference, because an expectation cannot hold what it changes.
    private final class Timers {
        private var timers = SlotTimers()
        func arm(_ key: SlotKey, at deadline: Instant) -> Bool { self.timers.arm(key, at: deadline) }
        func fired(_ slot: UInt32, armed: Instant) -> SlotKey? { self.timers.fired(slot, armed: armed) }
    }

    private final class Counts {
        private var counts = SourceCounts(max: 2)
        func add(_ source: PeerAddress) -> Bool { self.counts.add(source) }
        func remove(_ source: PeerAddress) { self.counts.remove(source) }
    }

    private static func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }

    @Test func `a slot keeps one timer, and the next element takes it over`() {
        let timers = Timers()
        let first = SlotKey(slot: 3, generation: 1)
        let second = SlotKey(slot: 3, generation: 2)
        #expect(timers.arm(first, at: Self.at(10)))
        #expect(!timers.arm(first, at: Self.at(20)))
        #expect(!timers.arm(second, at: Self.at(30)))
        #expect(timers.fired(3, armed: Self.at(10)) == second)
        #expect(timers.arm(second, at: Self.at(30)))
        #expect(timers.fired(3, armed: Self.at(30)) == second)
    }

    @Test func `a sooner deadline adds a timer, and the one it came before counts again afterwards`() {
        let timers = Timers()
        let key = SlotKey(slot: 0, generation: 1)
        #expect(timers.arm(key, at: Self.at(10)))
        #expect(timers.arm(key, at: Self.at(5)))
        #expect(timers.fired(0, armed: Self.at(5)) == key)
        #expect(!timers.arm(key, at: Self.at(12)), "the one for 10 is pending")
        #expect(timers.fired(0, armed: Self.at(10)) == key)
        #expect(timers.arm(key, at: Self.at(12)))
        #expect(timers.fired(0, armed: Self.at(12)) == key)
        #expect(timers.fired(0, armed: Self.at(12)) == nil)
        #expect(timers.fired(9, armed: Self.at(12)) == nil)
    }

    @Test func `of more than two timers of a slot the latest is ignored`() {
        let timers = Timers()
        let key = SlotKey(slot: 0, generation: 1)
        #expect(timers.arm(key, at: Self.at(10)))
        #expect(timers.arm(key, at: Self.at(5)))
        #expect(timers.arm(key, at: Self.at(2)))
        #expect(timers.fired(0, armed: Self.at(2)) == key)
        #expect(timers.fired(0, armed: Self.at(5)) == key)
        #expect(timers.fired(0, armed: Self.at(10)) == nil)
    }

    @Test func `sources are counted apart and local ones not at all`() {
        let counts = Counts()
        let one = PeerAddress.distant
        let two = PeerAddress(network: 0x2001_0DB8_0000_0001)
        for source in [one, two] {
            #expect(counts.add(source))
            #expect(counts.add(source))
            #expect(!counts.add(source))
        }
        counts.remove(one)
        #expect(counts.add(one))
        #expect(!counts.add(one))
        for local in [PeerAddress.loopback, PeerAddress(network: 0), PeerAddress(network: 9, isUnix: true)] {
            for _ in 0..<10 { #expect(counts.add(local)) }
            for _ in 0..<20 { counts.remove(local) }
        }
    }

    @Test(arguments: [(0, 1), (1, 1), (1_048_575, 1), (0, 4_294_967_295), (1_048_575, 4_294_967_295)] as [(UInt32, UInt32)])
    func `an integer on the wire names one call`(slot: UInt32, generation: UInt32) {
        let key = CallKey(slot: slot, generation: generation)
        let integer = WireID.integer(key)
        #expect(integer > 0 && integer < 1 << 53)
        #expect(WireID.key(Int64(integer)) == key)
    }

    @Test(arguments: [0, -1, .min, 1 << 52, .max] as [Int64])
    func `integers that no call has name none`(integer: Int64) { #expect(WireID.key(integer) == nil) }

    @Test func `a session id is read exactly as it is written`() {
        let id = SessionID(high: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210)
        var text: [UInt8] = []
        id.append(to: &text)
        #expect(text == [UInt8]("0123456789abcdeffedcba9876543210".utf8))
        #expect(SessionID(text.span) == id)
        for wrong in [
            "", "0123456789abcdeffedcba987654321", "0123456789abcdeffedcba98765432100", "0123456789ABCDEFFEDCBA9876543210",
            "g123456789abcdeffedcba9876543210",
        ] {
            let bytes = [UInt8](wrong.utf8)
            #expect(SessionID(bytes.span) == nil)
        }
    }
}
