import Base
import Testing

@testable import SupervisorCore

@Suite struct EventLogTests {
    @Test func `a log without events holds nothing and has no deadline`() {
        var rig = EventLogRig()
        #expect(rig.log.count == 0 && rig.log.bytes == 0 && rig.log.nextDeadline == nil)
        rig.expire()
        #expect(rig.refusal(1, after: 1) == .unknown)
    }

    @Test func `streams are numbered from one and never twice`() {
        var rig = EventLogRig()
        #expect(rig.log.openStream() == 1)
        #expect(rig.log.openStream() == 2)
        rig.terminate(2)
        rig.now = rig.now + .minutes(5)
        rig.expire()
        #expect(rig.log.openStream() == 3)
        #expect(rig.log.isOpen(1) && !rig.log.isOpen(2) && rig.log.isOpen(3) && !rig.log.isOpen(4))
    }

    @Test func `too many open streams are not logged until one ends`() {
        var rig = EventLogRig(openStreamsMax: 2)
        #expect(rig.log.openStream() == 1 && rig.log.openStream() == 2 && rig.log.openStream() == nil)
        rig.terminate(1)
        #expect(rig.log.openStream() == 3 && rig.log.openStream() == nil)
        rig.append("end", to: 2, isFinal: true)
        #expect(rig.log.openStream() == 4)
    }

    @Test func `a replay gives exactly the later events of its stream, in order`() throws {
        var rig = EventLogRig()
        let one = try rig.open()
        let two = try rig.open()
        #expect(rig.append("a", to: one) == EventID(stream: 1, sequence: 1))
        #expect(rig.append("x", to: two) == EventID(stream: 2, sequence: 1))
        #expect(rig.append("b", to: one) == EventID(stream: 1, sequence: 2))
        #expect(rig.append("c", to: one) == EventID(stream: 1, sequence: 3))
        #expect(rig.texts(one, after: 1) == ["b", "c"])
        #expect(rig.texts(one, after: 2) == ["c"])
        #expect(rig.texts(one, after: 3) == [])
        #expect(rig.texts(two, after: 1) == [])
    }

    @Test func `ids that were never given out are unknown`() throws {
        var rig = EventLogRig()
        let stream = try rig.open()
        #expect(rig.refusal(stream, after: 1) == .unknown)
        rig.append("a", to: stream)
        #expect(rig.refusal(stream, after: 2) == .unknown)
        #expect(rig.refusal(stream, after: 0) == .unknown)
        #expect(rig.refusal(stream + 1, after: 1) == .unknown)
        #expect(rig.refusal(0, after: 1) == .unknown)
        #expect(rig.refusal(.max, after: .max) == .unknown)
    }

    @Test func `priming gives an id to resume after and logs nothing`() throws {
        var rig = EventLogRig()
        let stream = try rig.open()
        #expect(rig.log.prime(stream) == EventID(stream: stream, sequence: 1))
        #expect(rig.log.count == 0)
        #expect(rig.texts(stream, after: 1) == [])
        #expect(rig.append("a", to: stream) == EventID(stream: stream, sequence: 2))
        #expect(rig.log.prime(stream) == EventID(stream: stream, sequence: 3))
        rig.append("b", to: stream)
        #expect(rig.texts(stream, after: 1) == ["a", "b"])
        #expect(rig.texts(stream, after: 2) == ["b"])
        #expect(rig.texts(stream, after: 3) == ["b"])
        #expect(rig.log.prime(9) == nil)
    }

    // MARK: The end of a stream

    @Test func `a final message ends its stream and is replayed`() throws {
        var rig = EventLogRig()
        let stream = try rig.open()
        rig.append("progress", to: stream)
        #expect(rig.append("result", to: stream, isFinal: true) != nil)
        #expect(!rig.log.isOpen(stream))
        #expect(rig.append("late", to: stream) == nil && rig.log.prime(stream) == nil)
        let (texts, replayed) = try rig.replay(after: EventID(stream: stream, sequence: 1)).get()
        #expect(texts == ["result"] && replayed.isTerminated && replayed.isComplete)
        let (none, over) = try rig.replay(after: EventID(stream: stream, sequence: 2)).get()
        #expect(none.isEmpty && over.isTerminated && over.isComplete)
    }

    @Test func `a stream that was cancelled is replayed empty and terminated, until it is forgotten`() throws {
        var rig = EventLogRig()
        let stream = try rig.open()
        let id = try rig.prime(stream)
        rig.terminate(stream)
        rig.terminate(stream)
        #expect(rig.log.count == 1)
        let (texts, replayed) = try rig.replay(after: id).get()
        #expect(texts.isEmpty && replayed == EventLog.Replayed(through: id, isComplete: true, isTerminated: true))
        rig.now = rig.now + .minutes(5)
        #expect(rig.refusal(stream, after: 1) == .unknown)
        #expect(rig.log.count == 0 && rig.log.bytes == 0)
    }

    @Test func `an open stream is not terminated`() throws {
        var rig = EventLogRig()
        let stream = try rig.open()
        rig.append("a", to: stream)
        #expect(try !rig.replay(after: EventID(stream: stream, sequence: 1)).get().1.isTerminated)
        rig.terminate(7)
        #expect(rig.log.isOpen(stream))
    }

    // MARK: Limits

    @Test func `old events are dropped, and a resume from before is refused`() throws {
        var rig = EventLogRig()
        let stream = try rig.open()
        rig.append("a", to: stream)
        rig.now = rig.now + .minutes(3)
        rig.append("b", to: stream)
        #expect(rig.log.nextDeadline == rig.now + .minutes(2))
        rig.now = rig.now + .minutes(2)
        #expect(rig.texts(stream, after: 1) == ["b"])  // The client had "a", so nothing is missing.
        rig.now = rig.now + .minutes(3)
        #expect(rig.refusal(stream, after: 1) == .evicted)
        #expect(rig.texts(stream, after: 2) == [])
        #expect(rig.log.nextDeadline == nil && rig.log.isOpen(stream))
    }

    @Test func `a deadline is exact`() throws {
        var rig = EventLogRig()
        let stream = try rig.open()
        rig.append("a", to: stream)
        let deadline = try #require(rig.log.nextDeadline)
        rig.now = Instant(nanoseconds: deadline.nanoseconds - 1)
        rig.expire()
        #expect(rig.log.count == 1)
        rig.now = deadline
        rig.expire()
        #expect(rig.log.count == 0)
    }

    @Test func `beyond the count the oldest event of the session is dropped`() throws {
        var rig = EventLogRig(eventsMax: 3)
        let one = try rig.open()
        let two = try rig.open()
        for text in ["a", "b"] { rig.append(text, to: one) }
        for text in ["x", "y", "z"] { rig.append(text, to: two) }
        #expect(rig.log.count == 3)
        #expect(rig.refusal(one, after: 1) == .evicted)
        #expect(rig.texts(one, after: 2) == [])
        #expect(rig.texts(two, after: 1) == ["y", "z"])
    }

    @Test func `beyond the bytes old events are dropped, each with its record`() throws {
        var rig = EventLogRig(bytesMax: 3 * (10 + EventLog.entryBytes))
        let stream = try rig.open()
        for _ in 0..<5 { rig.append("0123456789", to: stream) }
        #expect(rig.log.count == 3 && rig.log.bytes == 3 * (10 + EventLog.entryBytes))
        #expect(rig.refusal(stream, after: 1) == .evicted)
        #expect(rig.texts(stream, after: 2)?.count == 3)
    }

    @Test func `a message that is too large passes unlogged and costs the others nothing`() throws {
        var rig = EventLogRig(bytesMax: 1_000)
        let one = try rig.open()
        let two = try rig.open()
        rig.append("a", to: one)
        rig.append("x", to: two)
        #expect(rig.append(String(repeating: "b", count: 2_000), to: one) == EventID(stream: one, sequence: 2))
        rig.append("c", to: one)
        rig.append("y", to: two)
        #expect(rig.refusal(one, after: 1) == .evicted)
        #expect(rig.texts(one, after: 2) == ["c"])
        #expect(rig.texts(two, after: 1) == ["y"])
    }

    @Test func `what was lost ahead stays lost when older events go`() throws {
        var rig = EventLogRig(eventsMax: 2, bytesMax: 1_000)
        let stream = try rig.open()
        rig.append("a", to: stream)
        rig.append("b", to: stream)
        rig.append(String(repeating: "c", count: 2_000), to: stream)
        rig.append("d", to: stream)
        #expect(rig.refusal(stream, after: 1) == .evicted)
        #expect(rig.refusal(stream, after: 2) == .evicted)
        #expect(rig.texts(stream, after: 3) == ["d"])
    }

    @Test func `a final message that is too large still ends its stream`() throws {
        var rig = EventLogRig(bytesMax: 1_000)
        let stream = try rig.open()
        rig.append("a", to: stream)
        rig.append(String(repeating: "b", count: 2_000), to: stream, isFinal: true)
        #expect(rig.refusal(stream, after: 1) == .evicted)
        let (texts, replayed) = try rig.replay(after: EventID(stream: stream, sequence: 2)).get()
        #expect(texts.isEmpty && replayed.isTerminated)
    }

    @Test func `a terminated stream is forgotten with its last entry`() throws {
        var rig = EventLogRig(eventsMax: 2)
        let one = try rig.open()
        let two = try rig.open()
        rig.append("a", to: one)
        rig.append("b", to: one, isFinal: true)
        rig.append("x", to: two)
        #expect(rig.refusal(one, after: 1) == nil)
        rig.append("y", to: two)
        #expect(rig.refusal(one, after: 2) == .unknown)
        #expect(rig.texts(two, after: 1) == ["y"])
    }

    @Test func `a log that may hold nothing still numbers and ends its streams`() throws {
        for limit in [EventLogRig(eventsMax: 0), EventLogRig(bytesMax: 10), EventLogRig(budget: 10)] {
            var rig = limit
            let stream = try rig.open()
            #expect(rig.append("a", to: stream) == EventID(stream: 1, sequence: 1))
            #expect(rig.append("b", to: stream) == EventID(stream: 1, sequence: 2))
            #expect(rig.refusal(stream, after: 1) == .evicted)
            #expect(rig.texts(stream, after: 2) == [])
            rig.terminate(stream)
            #expect(rig.refusal(stream, after: 2) == .unknown)
            #expect(rig.log.count == 0)
        }
    }

    // MARK: The budget of all sessions

    @Test func `a session that meets the common bound drops its own events only`() throws {
        let entry = 10 + EventLog.entryBytes
        var budget = EventBudget(bytesMax: 3 * entry)
        var logs = [EventLog(), EventLog()]
        let now = Instant(nanoseconds: 0)
        let text = Array("0123456789".utf8)
        for index in 0..<2 { #expect(logs[index].openStream() == 1) }
        _ = logs[0].append(text.span, to: 1, at: now, budget: &budget)
        for _ in 0..<4 { _ = logs[1].append(text.span, to: 1, at: now, budget: &budget) }
        #expect(logs[0].count == 1 && logs[1].count == 2)
        #expect(budget.bytes == 3 * entry)
        logs[1].removeAll(budget: &budget)
        #expect(budget.bytes == entry && logs[1].count == 0 && !logs[1].isOpen(1))
        logs[0].removeAll(budget: &budget)
        #expect(budget.bytes == 0)
    }

    // MARK: Replay in parts

    @Test func `a replay in parts gives each event once`() throws {
        var rig = EventLogRig()
        let stream = try rig.open()
        _ = rig.log.prime(stream)
        for index in 0..<10 { rig.append(String(repeating: "x", count: index), to: stream, isFinal: index == 9) }
        var cursor = EventID(stream: stream, sequence: 1)
        var lengths: [Int] = []
        var isComplete = false
        var parts = 0
        while !isComplete {
            let (texts, replayed) = try rig.replay(after: cursor, bytesMax: 7).get()
            #expect(!texts.isEmpty && replayed.isTerminated)
            lengths += texts.map(\.utf8.count)
            cursor = replayed.through
            isComplete = replayed.isComplete
            parts += 1
        }
        #expect(lengths == Array(0..<10))
        #expect(parts == 5)
    }

    @Test func `a replay in parts that falls behind is refused, not shortened`() throws {
        var rig = EventLogRig(eventsMax: 3)
        let stream = try rig.open()
        _ = rig.log.prime(stream)
        for text in ["a", "b", "c"] { rig.append(text, to: stream) }
        let (texts, replayed) = try rig.replay(after: EventID(stream: stream, sequence: 1), bytesMax: 1).get()
        #expect(texts == ["a"] && !replayed.isComplete)
        for text in ["d", "e"] { rig.append(text, to: stream) }
        #expect(rig.refusal(stream, after: replayed.through.sequence) == .evicted)
    }
}
