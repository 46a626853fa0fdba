package peer;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Properties;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;

/**
 * A peer of the benchmark: the same job in Kafka Streams, without state.
 *
 * <p>Settings that are not the defaults, and the page that recommends them:
 * <ul>
 * <li>{@code num.stream.threads=1}, for it runs on one core: Kafka, "Configuring a Streams Application" (it is also
 * the default).
 * <li>{@code processing.guarantee=at_least_once}, offsets committed every 30 s after all is delivered (both are the
 * defaults): the same page.
 * <li>{@code linger.ms=100} (the default of Streams) and {@code batch.size=200000}: Confluent, "Optimize Clients for
 * Throughput" (linger 10 to 100 ms, batches of 100000 to 200000 bytes). Its other advice, {@code acks=1} and
 * compression, is not taken, for no peer may lose or compress.
 * <li>{@code enable.idempotence=true} and {@code acks=all} (the defaults of the producer): Kafka, "Producer Configs".
 * </ul>
 */
public final class KafkaStreamsPeer {

    /** Numbers stay as they are: no rounding, and no zeroes lost at their end. */
    private static final ObjectMapper MAPPER = JsonMapper.builder()
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
            .build();

    private KafkaStreamsPeer() {
    }

    static byte[] envelope(byte[] value) {
        try {
            var envelope = MAPPER.createObjectNode();
            envelope.put("eventType", "transaction");
            envelope.put("source", "bank-transactions");
            envelope.set("data", MAPPER.readTree(value));
            return MAPPER.writeValueAsBytes(envelope);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Properties settings(String brokers, String group, String stateDir) {
        var settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, group);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, stateDir);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.AT_LEAST_ONCE);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG), true);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.ACKS_CONFIG), "all");
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 100);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 200_000);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "none");
        return settings;
    }

    public static void main(String[] args) {
        if (args.length != 5) {
            System.err.println("usage: KafkaStreamsPeer BOOTSTRAP INPUT OUTPUT GROUP STATE_DIR");
            System.exit(2);
        }
        var bytes = Serdes.ByteArray();
        var builder = new StreamsBuilder();
        builder.stream(args[1], Consumed.with(bytes, bytes))
                .mapValues(KafkaStreamsPeer::envelope)
                .to(args[2], Produced.with(bytes, bytes));

        var streams = new KafkaStreams(builder.build(), settings(args[0], args[3], args[4]));
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
    }
}
