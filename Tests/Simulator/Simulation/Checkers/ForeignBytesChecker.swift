/// No client ever sees a byte that belongs to another one: every nonce that reaches it is one of its own, and on the stream of a
/// request it is that request's.
struct ForeignBytesChecker {
    let judge: Judge
    /// The client of each nonce.
    private var owners: [Int] = []

    init(judge: Judge) { self.judge = judge }

    /// Of nonces given so far.
    var count: Int { self.owners.count }

    /// Numbers are given in turn.
    mutating func own(client: Int) -> Int {
        self.owners.append(client)
        return self.owners.count - 1
    }

    /// A whole message or body for `client`; `exchange` is the request it must belong to.
    func received(_ bytes: [UInt8], client: Int, exchange: Exchange?) {
        for number in Nonce.numbers(in: bytes) {
            guard number < self.owners.count, self.owners[number] == client else {
                let owner = number < self.owners.count ? "client \(self.owners[number])" : "nobody"
                return self.judge.report(
                    "foreign bytes", "client \(client) received ~n\(number)~ of \(owner): \(AnswerChecker.text(bytes))")
            }
            if let exchange, exchange.kind != .hostile, number != exchange.serial, number != exchange.origin?.serial,
                !exchange.parts.contains(where: { $0.serial == number })
            {
                return self.judge.report(
                    "foreign bytes", "request \(exchange.serial) received ~n\(number)~: \(AnswerChecker.text(bytes))")
            }
        }
    }
}
