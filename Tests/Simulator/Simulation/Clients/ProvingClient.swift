import Base
import SupervisorCore

/// Asks each server until it gets a right answer. Only a server that has been given up for good may refuse for ever.
final class ProvingClient: SimClient {
    private var server = 0
    private var current: Exchange?
    private(set) var state = ""
    private var nextTryAt = Instant(nanoseconds: 0)

    var isDone: Bool { self.server == self.world.configuration.servers.count }
    override var wantsToAct: Bool { !self.isDone }
    private lazy var caller = ModernClient(
        index: self.index, world: self.world, profile: self.profile, random: self.random.branch())

    override func act() {
        guard !self.isDone else { return }
        if self.world.processesSeen.mayBeGivenUp(self.server) {
            self.server += 1
            return
        }
        guard self.current == nil, self.nextTryAt <= self.world.now, let connection = self.connection() else { return }
        self.current = self.caller.call(connection, server: self.server)
    }

    override func exchangeEnded(_ exchange: Exchange, _ head: ResponseParser.Head?) {
        self.current = nil
        self.state = "server \(self.server) gave \(exchange.outcome)"
        if exchange.outcome == .answered(status: 200, code: nil) {
            self.server += 1
        } else {
            self.nextTryAt = self.world.now + .milliseconds(200)
        }
    }
}
