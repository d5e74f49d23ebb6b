import Base
import SupervisorCore

/// Writes a configuration file with limits drawn from the seed: small queues, small buffers and short times, so that limits are
/// reached all the time. It goes through the same loader as an operator's.
struct ConfigurationText {
    private var entries: [String] = []
    private(set) var servers = 0

    static func draw(_ random: inout PRNG) -> String {
        var text = ConfigurationText()
        text.drawConnections(&random)
        text.drawSessions(&random)
        text.drawOperation(&random)
        text.drawServers(&random)
        return "{" + text.entries.joined(separator: ",") + "}"
    }

    private mutating func add(_ key: String, _ value: String) { self.entries.append("\"\(key)\":\(value)") }

    private static func time(_ interval: Interval) -> String { "\"\(Swift.max(1, interval.nanoseconds / 1_000_000))ms\"" }

    private mutating func drawConnections(_ random: inout PRNG) {
        var limits: [String] = []
        func add(_ key: String, _ value: String) { limits.append("\"\(key)\":\(value)") }
        func time(_ key: String, _ range: ClosedRange<Interval>) { add(key, Self.time(random.interval(range))) }
        if random.flip() { add("connections", "\(random.size(3...40))") }
        if random.flip() { add("requestsPerConnection", "\(random.size(1...100))") }
        if random.flip() { time("connectionAge", .milliseconds(100) ... .minutes(10)) }
        if random.flip() { time("idleTimeout", .milliseconds(50) ... .seconds(75)) }
        if random.flip() { time("headerTimeout", .milliseconds(500) ... .seconds(10)) }
        if random.flip() { time("writeTimeout", .milliseconds(500) ... .seconds(30)) }
        if random.flip() {
            let body = random.interval(.milliseconds(500) ... .seconds(30))
            add("bodyTimeout", Self.time(body))
            add("bodyIdleTimeout", Self.time(body))
        }
        if random.flip() { add("body", "\(random.size(2048...(1 << 20)))") }
        if random.flip() { add("message", "\(random.size(4096...(1 << 20)))") }
        if random.flip() { add("sessions", "\(random.size(1...16))") }
        if random.flip() { time("sessionIdle", .milliseconds(200) ... .minutes(30)) }
        if random.flip() { add("streamQueue", "\(random.size(4096...(256 << 10)))") }
        if random.flip() { time("keepAlive", .milliseconds(20) ... .seconds(15)) }
        if random.below(3) == 0 { add("callsPerSession", "\(random.size(1...16))") }
        if random.below(3) == 0 { add("connectionsPerSource", "\(random.size(1...8))") }
        if random.below(3) == 0 { add("streamsPerSession", "\(random.size(1...8))") }
        if random.below(3) == 0 { time("sessionAge", .seconds(1) ... .minutes(30)) }
        if random.below(3) == 0 { time("streamAge", .milliseconds(100) ... .minutes(10)) }
        if random.below(4) == 0 { add("eventCount", "\(random.size(1...64) - 1)") }
        if random.below(4) == 0 { add("eventBytes", "\(random.size(4096...(256 << 10)))") }
        if random.below(4) == 0 { add("eventBytesTotal", "\(random.size(4096...(1 << 20)))") }
        if random.below(4) == 0 { time("eventAge", .milliseconds(100) ... .minutes(5)) }
        if random.flip() { add("calls", "\(random.size(1...64))") }
        time("inputTimeout", .milliseconds(100) ... .seconds(20))
        if random.flip() { add("parkedCalls", "\(random.size(1...16))") }
        self.add("limits", "{" + limits.joined(separator: ",") + "}")
    }

    private mutating func drawSessions(_ random: inout PRNG) {
        if random.below(4) == 0 { self.add("cors", #"{"origins":["https://app.example.com"]}"#) }
    }

    private mutating func drawOperation(_ random: inout PRNG) {
        let deadline = random.interval(.milliseconds(20) ... .seconds(20))
        let hurried = Swift.min(deadline, random.interval(.milliseconds(1) ... .seconds(2)))
        let grace = random.interval(.milliseconds(10) ... .seconds(2))
        self.add(
            "drain",
            "{\"deadline\":\(Self.time(deadline)),\"hurried\":\(Self.time(hurried)),\"workerGrace\":\(Self.time(grace))}")
        guard random.flip() else { return }
        let delay = random.interval(.milliseconds(1) ... .seconds(1))
        let open = random.interval(.milliseconds(200) ... .seconds(30))
        self.add(
            "restart",
            """
            {"deaths":\(random.between(2...8)),"window":\(Self.time(random.interval(.seconds(1) ... .seconds(30)))),\
            "delayMin":\(Self.time(delay)),"delayMax":\(Self.time(delay * Int64(random.between(1...30)))),\
            "settled":\(Self.time(random.interval(.milliseconds(50) ... .seconds(10)))),\
            "stable":\(Self.time(random.interval(.seconds(5) ... .seconds(60)))),\
            "open":\(Self.time(open)),"openMax":\(Self.time(open * Int64(random.between(1...8)))),\
            "spawnsPerSecond":\(random.size(1...20)),"spawnBurst":\(random.size(1...40))}
            """)
    }

    private mutating func drawServers(_ random: inout PRNG) {
        var servers: [String] = []
        for index in 0..<random.between(1...3) {
            var members = [
                random.flip() ? Self.command(&random) : "\"builtin\":\"sql\",\"databases\":{\"a\":\"sqlite:///a.db\"}"
            ]
            var workers: [String] = []
            if random.flip() { workers.append("\"concurrency\":\(random.size(1...64))") }
            if random.below(3) == 0 { workers.append("\"queue\":\(random.size(1...64) - 1)") }
            if random.flip() { workers.append("\"queueBytes\":\(random.size(4096...(1 << 20)))") }
            if random.flip() {
                workers.append("\"startTimeout\":\(Self.time(random.interval(.milliseconds(300) ... .seconds(30))))")
            }
            workers.append("\"callTimeout\":\(Self.time(random.interval(.milliseconds(100) ... .seconds(20))))")
            members.append("\"workers\":{" + workers.joined(separator: ",") + "}")
            servers.append("\"s\(index)\":{" + members.joined(separator: ",") + "}")
        }
        self.add("mcpServers", "{" + servers.joined(separator: ",") + "}")
    }

    /// A third-party server. What it does about a probe is its argument, see `SimWorker.Manner`.
    private static func command(_ random: inout PRNG) -> String {
        guard random.below(3) == 0 else { return #""command":"/usr/bin/server","era":"legacy""# }
        let manner = random.one(of: [SimWorker.Manner.legacy, .modern, .deadly, .silent])
        return #""command":"/usr/bin/server","args":["\#(manner.rawValue)"]"#
    }

    /// The configuration, or what the loader found wrong: the texts drawn here must all be acceptable.
    static func load(_ text: String) -> (configuration: Configuration?, findings: String) {
        let outcome = ConfigurationLoader.load(.init(file: [UInt8](text.utf8)))
        return (outcome.configuration, outcome.findings.map { "\($0)" }.joined(separator: "; "))
    }
}
