import Base
import Testing

@testable import SupervisorCore

/// An event log with a clock and a budget of its own, told in texts.
struct EventLogRig {
    var log: EventLog
    var budget: EventBudget
    let openStreamsMax: Int
    var now = Instant(nanoseconds: 1_000_000_000)

    init(eventsMax: Int = 1_000, bytesMax: Int = 8 << 20, budget: Int = 1 << 30, openStreamsMax: Int = 256) {
        var limits = EventLog.Limits()
        limits.eventsMax = eventsMax
        limits.bytesMax = bytesMax
        limits.openStreamsMax = openStreamsMax
        self.openStreamsMax = openStreamsMax
        self.log = EventLog(limits: limits)
        self.budget = EventBudget(bytesMax: budget)
    }

    mutating func open() throws -> UInt64 {
        let stream = self.log.openStream()
        return try #require(stream)
    }

    mutating func prime(_ stream: UInt64) throws -> EventID {
        let id = self.log.prime(stream)
        return try #require(id)
    }

    @discardableResult
    mutating func append(_ text: String, to stream: UInt64, isFinal: Bool = false) -> EventID? {
        let id = self.log.append(Array(text.utf8).span, to: stream, isFinal: isFinal, at: self.now, budget: &self.budget)
        #expect(self.budget.bytes == self.log.bytes)
        return id
    }

    mutating func terminate(_ stream: UInt64) { self.log.terminate(stream, at: self.now, budget: &self.budget) }

    mutating func expire() { self.log.expire(at: self.now, budget: &self.budget) }

    /// The texts after `id` and what became of it.
    mutating func replay(after id: EventID, bytesMax: Int = .max) -> Result<([String], EventLog.Replayed), ReplayRefusal> {
        var texts: [String] = []
        var last = id
        do throws(ReplayRefusal) {
            let replayed = try self.log.replay(after: id, bytesMax: bytesMax, at: self.now, budget: &self.budget) { id, message in
                #expect(id.stream == last.stream && id.sequence > last.sequence)
                last = id
                texts.append(String(decoding: [UInt8](message), as: UTF8.self))
            }
            #expect(replayed.through == last)
            return .success((texts, replayed))
        } catch {
            return .failure(error)
        }
    }

    /// The texts after `sequence` of `stream`, or nil when refused. A whole replay must be complete.
    mutating func texts(_ stream: UInt64, after sequence: UInt64) -> [String]? {
        guard case .success(let (texts, replayed)) = self.replay(after: EventID(stream: stream, sequence: sequence)) else {
            return nil
        }
        #expect(replayed.isComplete)
        return texts
    }

    mutating func refusal(_ stream: UInt64, after sequence: UInt64) -> ReplayRefusal? {
        guard case .failure(let refusal) = self.replay(after: EventID(stream: stream, sequence: sequence)) else { return nil }
        return refusal
    }
}
