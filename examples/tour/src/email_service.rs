//! Sends mail to those who bought concert tickets.

use abide_sdk::prelude::*;

use crate::concert_ticketing_service::PurchaseTicketRequest;

/// Sends mail, in a simulation.
pub struct EmailService;

#[service(rename_all = "camelCase")]
impl EmailService {
    /// Sends the ticket.
    async fn email_ticket(_ctx: &Context, req: PurchaseTicketRequest) -> HandlerResult<()> {
        println!("Sending ticket to {} for concert on {}", req.customer_email, req.concert_date);
        Ok(())
    }

    /// Reminds of the concert.
    async fn send_reminder(_ctx: &Context, req: PurchaseTicketRequest) -> HandlerResult<()> {
        println!("Sending reminder for concert on {} to {}", req.concert_date, req.customer_email);
        Ok(())
    }
}
