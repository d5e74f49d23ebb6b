import Base
import SupervisorCore

/// Everything a seed decides before the first event: limits, faults, who takes part and when it ends.
struct Plan {
    enum Role: CaseIterable {
        case modern, legacy, duplex, probe, hostile
    }

    /// How one client behaves on its sockets and how much it asks for.
    struct ClientProfile {
        let role: Role
        /// Requests and streams in all.
        var budget: Int
        /// Between two actions.
        var thinkTime: Interval
        /// Most bytes it takes at once, and how long it rests before the next.
        var readChunk: Int
        var readPause: Interval
        /// Most bytes it sends at once, and how long it rests before the next.
        var segment: Int
        var segmentPause: Interval
        /// Requests it sends ahead of their answers.
        var pipeline: Int
        /// It cannot be blamed on the supervisor when such a reader loses the end of an answer.
        var isSlow: Bool { self.readPause > .milliseconds(5) }
    }

    enum Ending: Equatable {
        /// SIGTERM once everything has been answered and has gone.
        case afterPeace
        /// SIGTERM in the middle of everything.
        case underFire(after: Interval)
    }

    let configurationText: String
    let faults: Faults
    let clients: [ClientProfile]
    let ending: Ending
    /// How many signals to stop come, and how far apart.
    let signals: Int
    let signalPause: Interval
    /// The safety phase ends at the latest after this.
    let fireTime: Interval
    let socketCapacity: Int
    let pipeCapacity: Int
    /// Time between a write and its arrival.
    let latency: Interval

    static func draw(_ random: inout PRNG) -> Plan {
        var clients: [ClientProfile] = []
        for _ in 0..<random.size(1...14) { clients.append(Self.client(&random)) }
        return Plan(
            configurationText: ConfigurationText.draw(&random), faults: Faults.draw(&random), clients: clients,
            ending: random.below(3) == 0
                ? .underFire(after: random.interval(.microseconds(100) ... .seconds(5))) : .afterPeace,
            signals: random.one(of: [1, 1, 1, 2, 3]), signalPause: random.interval(.microseconds(10) ... .seconds(1)),
            fireTime: random.interval(.milliseconds(50) ... .seconds(60)),
            socketCapacity: random.size(512...(256 << 10)), pipeCapacity: random.size(512...(64 << 10)),
            latency: random.interval(.microseconds(5) ... .milliseconds(2)))
    }

    private static func client(_ random: inout PRNG) -> ClientProfile {
        let role = random.one(of: [
            Role.modern, .modern, .modern, .legacy, .legacy, .legacy, .duplex, .duplex, .duplex, .probe, .hostile,
        ])
        var profile = ClientProfile(
            role: role, budget: random.size(1...60), thinkTime: random.interval(.microseconds(20) ... .milliseconds(500)),
            readChunk: 64 << 10, readPause: .zero, segment: 256 << 10, segmentPause: .microseconds(10), pipeline: 1)
        switch random.below(6) {
        case 0:  // A slow reader.
            profile.readChunk = random.size(1...4096)
            profile.readPause = random.interval(.milliseconds(10) ... .seconds(3))
        case 1:  // Takes and sends in small pieces, but steadily.
            profile.readChunk = random.size(256...4096)
            profile.segment = random.size(64...4096)
        case 2: profile.pipeline = random.size(2...20)
        default: break
        }
        return profile
    }
}
