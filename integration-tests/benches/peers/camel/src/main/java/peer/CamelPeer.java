package peer;

import java.io.IOException;
import java.util.List;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import org.apache.camel.Exchange;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.component.kafka.KafkaConstants;
import org.apache.camel.main.Main;

/**
 * A peer of the benchmark: the same job as an Apache Camel route, from Kafka to Kafka.
 *
 * <p>Settings that are not the defaults, and the page that recommends them:
 * <ul>
 * <li>{@code batching=true}, {@code maxPollRecords=10000}, {@code pollTimeoutMs=100}: Camel, "Kafka", "Batching
 * Consumer". Without batching the route waits for the answer to each record before it takes the next. Offsets of a
 * batch are committed after all of it is delivered. The timeout is how long the last, incomplete batch waits.
 * <li>a list of exchanges as the body ({@code useIterator}, the default), so that the producer sends all of a batch and
 * only then waits, without blocking a thread for each: Camel, "Kafka", endpoint options.
 * <li>{@code producerBatchSize=200000}: Camel, "Kafka", endpoint options ("a small batch size ... may reduce
 * throughput"); the number is from Confluent, "Optimize Clients for Throughput". {@code lingerMs} stays at 5, for
 * the route waits for the last record of each batch, and so for all of the linger.
 * <li>{@code requestRequiredAcks=all}, {@code enableIdempotence=true} (the defaults): Camel, "Kafka", endpoint options.
 * <li>{@code consumersCount=1} (the default), for it runs on one core: the same.
 * </ul>
 */
public final class CamelPeer extends RouteBuilder {

    private static final String SERDE = "org.apache.kafka.common.serialization.ByteArray";

    /** Numbers stay as they are: no rounding, and no zeroes lost at their end. */
    private static final ObjectMapper MAPPER = JsonMapper.builder()
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
            .build();

    private final String input;
    private final String output;
    private final String group;

    private CamelPeer(String input, String output, String group) {
        this.input = input;
        this.output = output;
        this.group = group;
    }

    static byte[] envelope(byte[] value) throws IOException {
        var envelope = MAPPER.createObjectNode();
        envelope.put("eventType", "transaction");
        envelope.put("source", "bank-transactions");
        envelope.set("data", MAPPER.readTree(value));
        return MAPPER.writeValueAsBytes(envelope);
    }

    private static void wrapEach(Exchange batch) throws IOException {
        for (Object record : batch.getMessage().getBody(List.class)) {
            var message = ((Exchange) record).getMessage();
            message.setBody(envelope((byte[]) message.getBody()));
            // The key is taken over by itself.
            message.setHeader(KafkaConstants.PARTITION_KEY, message.getHeader(KafkaConstants.PARTITION));
            message.setHeader(KafkaConstants.OVERRIDE_TIMESTAMP, message.getHeader(KafkaConstants.TIMESTAMP));
        }
    }

    @Override
    public void configure() {
        from("kafka:" + input + "?groupId=" + group + "&autoOffsetReset=earliest"
                + "&batching=true&maxPollRecords=10000&pollTimeoutMs=100&consumersCount=1"
                + "&keyDeserializer=" + SERDE + "Deserializer&valueDeserializer=" + SERDE + "Deserializer")
                .process(CamelPeer::wrapEach)
                .to("kafka:" + output + "?requestRequiredAcks=all&enableIdempotence=true&compressionCodec=none"
                        + "&producerBatchSize=200000"
                        + "&keySerializer=" + SERDE + "Serializer&valueSerializer=" + SERDE + "Serializer");
    }

    public static void main(String[] args) throws Exception {
        if (args.length != 4) {
            System.err.println("usage: CamelPeer BOOTSTRAP INPUT OUTPUT GROUP");
            System.exit(2);
        }
        var main = new Main();
        main.addInitialProperty("camel.component.kafka.brokers", args[0]);
        main.configure().addRoutesBuilder(new CamelPeer(args[1], args[2], args[3]));
        main.run();
        System.exit(main.getExitCode());
    }
}
