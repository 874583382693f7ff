// SPDX-License-Identifier: Apache-2.0
// Reach WAY ARGUMENT...: what Java's own libraries do with a network.

import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;

public class Reach {
    static String text(InputStream stream) throws Exception {
        return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
    }

    public static void main(String[] arguments) throws Exception {
        switch (arguments[0]) {
        case "url":
            try (InputStream stream = new URL(arguments[1]).openStream()) {
                System.out.print(text(stream));
            }
            break;
        case "client":
            System.out.print(HttpClient.newHttpClient().send(
                HttpRequest.newBuilder(URI.create(arguments[1])).build(),
                HttpResponse.BodyHandlers.ofString()).body());
            break;
        case "socket":
            try (Socket socket = new Socket(arguments[1], Integer.parseInt(arguments[2]))) {
                OutputStream out = socket.getOutputStream();
                out.write("avaj".getBytes(StandardCharsets.UTF_8));
                socket.shutdownOutput();
                System.out.print(text(socket.getInputStream()));
            }
            break;
        default:
            System.out.println(InetAddress.getByName(arguments[1]).getHostName());
        }
        System.exit(0);
    }
}
