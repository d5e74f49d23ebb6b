import Base
import Testing

@testable import SupervisorCore

/// The same rules over one plain array, nothing kept in order and nothing remembered but what the rules name.
private struct EventLogModel {
    struct Entry {
        var stream: UInt64
        var sequence: UInt64
        var at: Instant
        var text: String?
        var isLast: Bool
        var bytes: Int { (self.text?.utf8.count ?? 0) + EventLog.entryBytes }
    }

    let limits: EventLog.Limits
    let budgetMax: Int
    var entries: [Entry] = []
    var opened: UInt64 = 0
    var sequences: [UInt64: UInt64] = [:]
    var terminated: Set<UInt64> = []
    var forgotten: Set<UInt64> = []
    /// Every event that has left the log or never was in it.
    var lost: [EventID] = []

    var bytes: Int { self.entries.reduce(0) { $0 + $1.bytes } }
    var openCount: Int { Int(self.opened) - self.terminated.count }

    mutating func drop() {
        let entry = self.entries.removeFirst()
        if entry.text != nil { self.lost.append(EventID(stream: entry.stream, sequence: entry.sequence)) }
        if entry.isLast { self.forgotten.insert(entry.stream) }
    }

    mutating func expire(_ now: Instant) {
        while let first = self.entries.first, first.at + self.limits.ageMax <= now { self.drop() }
    }

    mutating func store(_ entry: Entry) -> Bool {
        guard entry.bytes <= Swift.min(self.limits.bytesMax, self.budgetMax), self.limits.eventsMax > 0 else { return false }
        while self.entries.count + 1 > self.limits.eventsMax
            || self.bytes + entry.bytes > Swift.min(self.limits.bytesMax, self.budgetMax)
        {
            self.drop()
        }
        self.entries.append(entry)
        return true
    }

    mutating func open() -> UInt64? {
        guard self.openCount < self.limits.openStreamsMax else { return nil }
        self.opened += 1
        self.sequences[self.opened] = 0
        return self.opened
    }

    func isOpen(_ stream: UInt64) -> Bool { self.sequences[stream] != nil && !self.terminated.contains(stream) }

    mutating func next(_ stream: UInt64) -> EventID? {
        guard self.isOpen(stream), let last = self.sequences[stream] else { return nil }
        self.sequences[stream] = last + 1
        return EventID(stream: stream, sequence: last + 1)
    }

    mutating func append(_ text: String, _ stream: UInt64, isFinal: Bool, _ now: Instant) -> EventID? {
        self.expire(now)
        guard let id = self.next(stream) else { return nil }
        if isFinal { self.terminated.insert(stream) }
        guard !self.store(Entry(stream: stream, sequence: id.sequence, at: now, text: text, isLast: isFinal)) else { return id }
        self.lost.append(id)
        if isFinal { self.mark(stream, now) }
        return id
    }

    mutating func mark(_ stream: UInt64, _ now: Instant) {
        let sequence = self.sequences[stream] ?? 0
        guard !self.store(Entry(stream: stream, sequence: sequence, at: now, text: nil, isLast: true)) else { return }
        self.forgotten.insert(stream)
    }

    mutating func terminate(_ stream: UInt64, _ now: Instant) {
        self.expire(now)
        guard self.isOpen(stream) else { return }
        self.terminated.insert(stream)
        guard self.sequences[stream] ?? 0 > 0 else {
            self.forgotten.insert(stream)
            return
        }
        self.mark(stream, now)
    }

    mutating func replay(_ id: EventID, _ now: Instant) -> Result<[String], ReplayRefusal> {
        self.expire(now)
        guard let last = self.sequences[id.stream], !self.forgotten.contains(id.stream), id.sequence > 0, id.sequence <= last
        else {
            return .failure(.unknown)
        }
        guard !self.lost.contains(where: { $0.stream == id.stream && $0.sequence > id.sequence }) else {
            return .failure(.evicted)
        }
        return .success(self.entries.filter { $0.stream == id.stream && $0.sequence > id.sequence }.compactMap(\.text))
    }
}

@Suite struct EventLogModelTests {
    @Test(arguments: 0..<400 as Range<UInt64>)
    func `random operations give what a plain array gives`(seed: UInt64) {
        var random = PRNG(seed: seed)
        let eventsMax = random.chance(1, in: 20) ? 0 : 1 + random.below(random.chance(1, in: 2) ? 4 : 40)
        let bytesMax = 50 + random.below(4_000)
        let budget = random.chance(1, in: 3) ? 50 + random.below(3_000) : 1 << 20
        var rig = EventLogRig(eventsMax: eventsMax, bytesMax: bytesMax, budget: budget, openStreamsMax: 1 + random.below(6))
        var limits = EventLog.Limits()
        limits.eventsMax = eventsMax
        limits.bytesMax = bytesMax
        limits.openStreamsMax = rig.openStreamsMax
        var model = EventLogModel(limits: limits, budgetMax: budget)
        for step in 0..<300 {
            let stream = model.opened == 0 ? 1 : UInt64(1 + random.below(Int(model.opened)))
            switch random.below(12) {
            case 0: #expect(rig.log.openStream() == model.open())
            case 1: #expect(rig.log.prime(stream) == model.next(stream))
            case 2:
                rig.terminate(stream)
                model.terminate(stream, rig.now)
            case 3: rig.now = rig.now + .seconds(Int64(random.below(random.chance(1, in: 4) ? 400 : 20)))
            case 4...8:
                let text = "\(step)" + String(repeating: "x", count: random.below(random.chance(1, in: 8) ? 2_500 : 60))
                let isFinal = random.chance(1, in: 10)
                let id = rig.append(text, to: stream, isFinal: isFinal)
                #expect(id == model.append(text, stream, isFinal: isFinal, rig.now))
            default:
                let id = EventID(stream: stream, sequence: UInt64(random.below(Int(model.sequences[stream] ?? 0) + 3)))
                let expected = model.replay(id, rig.now)
                switch rig.replay(after: id) {
                case .success(let (texts, replayed)):
                    #expect(expected == .success(texts))
                    #expect(replayed.isComplete && replayed.isTerminated == !model.isOpen(stream))
                case .failure(let refusal): #expect(expected == .failure(refusal))
                }
            }
            #expect(rig.log.isOpen(stream) == model.isOpen(stream))
            #expect(rig.log.count == model.entries.count && rig.log.bytes == model.bytes && rig.budget.bytes == model.bytes)
            #expect(rig.log.nextDeadline == model.entries.first.map { $0.at + limits.ageMax })
            #expect(rig.log.count <= eventsMax && rig.log.bytes <= Swift.min(bytesMax, budget))
        }
        rig.log.removeAll(budget: &rig.budget)
        #expect(rig.budget.bytes == 0)
    }
}
