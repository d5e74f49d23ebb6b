import Base
import MCP
import Wire

/// A request of ours to a worker after its handshake, whose answer is for nobody but us.
struct OwnRequest: Equatable {
    enum Kind: Equatable {
        /// `resources/subscribe` or `resources/unsubscribe`.
        case subscription(SubscriptionKey)
        /// `tools/list`.
        case tools
    }

    let id: Int64
    let kind: Kind

    /// Their ids begin where those of calls end (`WireID`), and are exact in every JSON reader as well.
    static let idMin: Int64 = 1 << 52
}

extension Supervisor {
    /// `params` is raw JSON on one line. Bound: what is asked for is bounded by those who ask, see the kinds.
    mutating func askWorker(_ worker: WorkerKey, _ method: MCPMethod, _ params: [UInt8], _ kind: OwnRequest.Kind) {
        // Bound: of what a worker never answers, the oldest is not waited for any more.
        if self.workers[worker].ownRequests.count > 2 * self.configuration.limits.subscriptionsPerServer {
            self.workers[worker].ownRequests.removeFirst()
            self.workers[worker].answersOwed += 1
        }
        self.ownRequests += 1
        let id = OwnRequest.idMin + self.ownRequests
        self.workers[worker].ownRequests.append(OwnRequest(id: id, kind: kind))
        var line = [UInt8](#"{"jsonrpc":"2.0","id":"#)
        line.append(decimal: id)
        line.append(#","method":""#)
        line.append(method.text)
        line.append(#"","params":"#)
        line.append(contentsOf: params)
        line.append("}\n")
        self.sendLine(line.span, to: worker)
    }

    /// Whether the answer was to a request of ours. `envelope` is nil when it was no valid answer.
    mutating func answeredUs(
        _ worker: WorkerKey, id: Int64?, _ envelope: JSONRPCEnvelope?, _ message: Span<UInt8>, at now: Instant
    ) -> Bool {
        guard let id, id > OwnRequest.idMin,
            let index = self.workers[worker].ownRequests.firstIndex(where: { $0.id == id })
        else { return false }
        let request = self.workers[worker].ownRequests.remove(at: index)
        switch request.kind {
        case .tools: self.toolsListed(worker, envelope, message, at: now)
        case .subscription(let key):
            var error: [UInt8]?
            if envelope?.kind != .result {
                var object: [UInt8] = []
                if let range = envelope?.error { object.appendLine(message, range) }
                error =
                    object.isEmpty ? [UInt8](#"{"code":-32603,"message":"the server gave an answer that is not valid"}"#) : object
            }
            self.subscriptionAnswered(self.workers[worker].server, key, error: error, at: now)
        }
        return true
    }
}
